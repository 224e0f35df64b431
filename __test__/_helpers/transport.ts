import { readFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import { connect as connectPlain, type Socket } from 'node:net'
import path from 'node:path'
import { connect as connectTls } from 'node:tls'
import * as millrace from '#dist/index'
import { Tap } from './tap'

// The suites of behaviour are run twice: as they are, and copied to a folder `over-tls` (scripts/test.mjs), where this
// has their servers and their clients speak TLS. NODE_EXTRA_CA_CERTS names the certificate, so that every client of the
// process trusts it: `fetch`, `ws` and undici need only other schemes in their URLs.

type CreateNodeServer = (listener?: http.RequestListener) => http.Server

const folder = path.join(__dirname, '..')

/** Whether this is the copy that runs over TLS. */
export const OVER_TLS = path.basename(folder) === 'over-tls'

const pair = OVER_TLS ? { cert: read('cert.pem'), key: read('key.pem') } : undefined

/** The schemes of URLs. */
export const HTTP = OVER_TLS ? 'https' : 'http'
export const WS = OVER_TLS ? 'wss' : 'ws'

/** What tells that a connection can be used. */
export const CONNECTED = OVER_TLS ? 'secureConnect' : 'connect'

// What it is now: a suite may replace it.
const createMillraceServer = millrace.createServer

/** As that of millrace. */
export const createServer = (OVER_TLS ? createSecureServer : createMillraceServer) as typeof createMillraceServer

/** As that of node:http. */
export const createNodeServer = (OVER_TLS ? createSecureNodeServer : http.createServer) as CreateNodeServer

/** As that of node:http. */
export const request: typeof http.request = OVER_TLS ? https.request : http.request

/** As that of node:net, to a port of this machine. */
export function connect(port: number, { allowHalfOpen = false } = {}): Socket {
  const host = '127.0.0.1'
  // Over TLS there is something to be sent behind the other's end.
  const socket = connectPlain({ port, host, allowHalfOpen: allowHalfOpen || OVER_TLS })
  if (!OVER_TLS) return socket
  const tap = new Tap(socket.setNoDelay(true))
  // That is read when the client is made, and then is the client's.
  tap.allowHalfOpen = allowHalfOpen
  const secure = connectTls({ socket: tap, host })
  tap.allowHalfOpen = true
  // A reset is the TCP connection's: TLS knows none.
  secure.resetAndDestroy = () => {
    socket.resetAndDestroy()
    return secure.destroy()
  }
  return secure
}

function createSecureServer(given?: millrace.ServerOptions | millrace.Handler): millrace.Server {
  return createMillraceServer({ ...(typeof given === 'function' ? { handler: given } : given), tls: pair! })
}

function createSecureNodeServer(listener?: http.RequestListener): https.Server {
  return https.createServer(pair!, listener)
}

function read(name: string): string {
  return readFileSync(path.join(folder, name), 'utf8')
}
