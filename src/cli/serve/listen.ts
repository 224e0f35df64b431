import { createServer } from 'node:net'
import type { ServerAddress } from '../../address'
import type { Server } from '../../server'
import { Failure } from '../command'
import type { Place } from './site'

/** How far from a port that is taken a free one is looked for. */
const NEAR = 20

/** Listens, or throws a {@link Failure} that says what to do. */
export async function listen(server: Server, place: Place): Promise<ServerAddress> {
  try {
    return await server.listen(place)
  } catch (error) {
    throw new Failure(await reasonOf(error as NodeJS.ErrnoException, place))
  }
}

/**
 * Fails when somebody listens on the port already: sockets that share a port would share it with that other program too.
 */
export async function checkFree(place: Place): Promise<void> {
  if ('path' in place || place.port === 0) return
  const code = await tryPort(place.host, place.port)
  if (code === 'EADDRINUSE') throw new Failure(await reasonOf({ name: '', message: '', code }, place))
}

async function reasonOf(error: NodeJS.ErrnoException, place: Place): Promise<string> {
  const { code, message } = error
  if ('path' in place) return `cannot listen on ${place.path}: ${message}`
  const { host, port } = place
  const where = `cannot listen on ${host.includes(':') ? `[${host}]` : host}:${port}`
  switch (code) {
    case 'EADDRINUSE': {
      const free = await freePort(host, port)
      const hint = free === null ? '--port 0 takes any that is free' : `--port ${free} is free`
      return `${where}: another program has this port. ${hint} (EADDRINUSE).`
    }
    case 'EACCES':
      return `${where}: ports below 1024 are for administrators. --port ${port === 443 ? 8443 : 8080}, say, is for all (EACCES).`
    case 'EADDRNOTAVAIL':
      return `${where}: this machine does not have that address. --host :: is all it has (EADDRNOTAVAIL).`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${where}: nobody knows a machine of that name (${code}).`
    default:
      return code?.startsWith('ERR_') === true ? message : `${where}: ${message}`
  }
}

async function freePort(host: string, taken: number): Promise<number | null> {
  for (let port = taken + 1; port <= Math.min(taken + NEAR, 65_535); port++) {
    if ((await tryPort(host, port)) === null) return port
  }
  return null
}

/** Null when the port is free, else why it cannot be had. */
function tryPort(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(null)))
  })
}
