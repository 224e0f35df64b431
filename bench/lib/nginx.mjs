// nginx as a peer: one worker, a configuration of its own in a temporary directory.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { HELLO, TEXT } from '../handlers/answers.mjs'
import { CERTIFICATE, KEY } from '../handlers/credentials.mjs'
import { FILES } from '../handlers/files.mjs'
import { capture, exists } from './processes.mjs'

// Where Debian has it, which is not on every user's path.
const binary = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx'

export function nginxMissing() {
  return !exists(binary, '-v') && 'nginx is not installed; on Debian: apt-get install nginx-light'
}

export function nginxVersion() {
  return /nginx\/(\S+)/.exec(capture('sh', ['-c', `${binary} -v 2>&1`]))[1]
}

/** How to start it: it does not say which port it was given, so it is told one. */
export async function launchNginx({ tls }) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-nginx-'))
  const port = await freePort()
  const file = join(directory, 'nginx.conf')
  writeFileSync(file, configuration(directory, port, tls))
  return {
    command: [binary, '-e', 'stderr', '-p', directory, '-c', file],
    port,
    // It ends the worker too, which a kill of the master would leave behind.
    signal: 'SIGTERM',
    release: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** What Debian's nginx.conf says where that matters here, for one worker and without a log. */
function configuration(directory, port, tls) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr;
events {
  worker_connections ${tls ? MANY : 1024};
}
http {
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  sendfile on;
  tcp_nopush on;
  access_log off;
  keepalive_timeout 120s;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port}${tls ? ' ssl' : ''};
    ${tls ? settings : ''}
    root ${FILES};
  }
}
`
}

/** More than any scenario over TLS opens. */
const MANY = 10_000

/** Of TLS it is told no more than it has to be; without kernel TLS, which Debian's does not ask for. */
const settings = `ssl_certificate ${CERTIFICATE};
    ssl_certificate_key ${KEY};
    ssl_protocols TLSv1.2 TLSv1.3;
    location = / {
      default_type ${TEXT};
      return 200 '${HELLO}';
    }`

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
