import { createCipheriv, createHmac } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { once } from 'node:events'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { Tap, type Rewrite } from '../_helpers/tap'

// Records of TLS (RFC 8446 5.1), put together by hand, and a client whose records can be changed on their way.

export const Type = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23, heartbeat: 24 } as const

export const Alert = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  recordOverflow: 22,
  handshakeFailure: 40,
  badCertificate: 42,
  illegalParameter: 47,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  userCanceled: 90,
  unrecognizedName: 112,
  certificateRequired: 116,
  noApplicationProtocol: 120,
} as const

/** A record as it is sent; its length is that of the payload unless another is given. */
export function record(type: number, payload: Uint8Array = Buffer.alloc(0), length = payload.length): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 0xff]), payload])
}

/** A record cut into records with so many bytes of payload each. */
export function fragments(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = []
  const payload = bytes.subarray(5)
  for (let at = 0; at < payload.length; at += size) pieces.push(record(bytes[0], payload.subarray(at, at + size)))
  return pieces
}

export interface Tampered {
  /** The client of node:tls; what it sends goes through `rewrite`. */
  readonly secure: TLSSocket
  readonly tcp: Socket
  /** Puts bytes of one's own between those of the client. */
  inject(bytes: Uint8Array): void
  /** Encrypts as the client would, of TLS 1.3, that has sent no application data itself. */
  seal(type: number, payload?: Uint8Array, padding?: number): Buffer
  /** A change of its keys, which the server has to answer (RFC 8446 4.6.3); what is sealed next has the new ones. */
  rekey(): Buffer
  /** Why the connection ended: what the client makes of the server's alert, or `end`. */
  readonly ended: Promise<string>
}

/** A client of node:tls over a connection that a test has its hands in. */
export async function tampered(port: number, options: ConnectionOptions, rewrite?: Rewrite): Promise<Tampered> {
  const tcp = connect(port, '127.0.0.1').setNoDelay(true)
  tcp.on('error', () => undefined)
  await once(tcp, 'connect')
  const secure = connectTls({ servername: 'localhost', ...options, socket: new Tap(tcp, rewrite) })
  const sealer = new Sealer()
  secure.on('keylog', (line: Buffer) => sealer.learn(line.toString('latin1')))
  const ended = new Promise<string>((resolve) => {
    secure.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    secure.once('end', () => resolve('end'))
    secure.once('close', () => resolve('close'))
  })
  return {
    secure,
    tcp,
    inject: (bytes) => void tcp.write(bytes),
    seal: (type, payload, padding) => sealer.seal(type, payload, padding),
    rekey: () => sealer.rekey(),
    ended,
  }
}

/** As {@link tampered}, once the handshake is complete. */
export async function secured(port: number, options: ConnectionOptions, rewrite?: Rewrite): Promise<Tampered> {
  const client = await tampered(port, options, rewrite)
  await Promise.race([
    once(client.secure, 'secureConnect'),
    client.ended.then((why) => {
      throw new Error(`no handshake: ${why}`)
    }),
  ])
  return client
}

/** A ClientHello of node:tls, in one record. */
export function clientHello(maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3'): Promise<Buffer> {
  return new Promise((resolve) => {
    const write = (bytes: Buffer): void => resolve(bytes)
    const socket = new Duplex({ write, read: () => undefined })
    connectTls({ socket, servername: 'localhost', ALPNProtocols: ['http/1.1'], maxVersion })
  })
}

/** Encrypts records of TLS_AES_128_GCM_SHA256 with the secret of the key log (RFC 8446 5.2, 5.3, 7.3). */
class Sealer {
  private secret: Buffer | undefined
  private key: Buffer | undefined
  private iv: Buffer | undefined
  private sequence = 0n

  learn(line: string): void {
    const secret = /^CLIENT_TRAFFIC_SECRET_0 \w+ (\w+)/.exec(line)?.[1]
    if (secret !== undefined) this.begin(Buffer.from(secret, 'hex'))
  }

  rekey(): Buffer {
    const asked = this.seal(Type.handshake, Buffer.from([24, 0, 0, 1, 1]))
    this.begin(expand(this.secret!, 'traffic upd', 32))
    return asked
  }

  seal(type: number, payload: Uint8Array = Buffer.alloc(0), padding = 0): Buffer {
    const inner = Buffer.concat([payload, Buffer.from([type]), Buffer.alloc(padding)])
    const head = record(Type.data, Buffer.alloc(0), inner.length + 16)
    const nonce = Buffer.from(this.iv!)
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.sequence++, 4)
    const cipher = createCipheriv('aes-128-gcm', this.key!, nonce).setAAD(head)
    return Buffer.concat([head, cipher.update(inner), cipher.final(), cipher.getAuthTag()])
  }

  private begin(secret: Buffer): void {
    this.secret = secret
    this.key = expand(secret, 'key', 16)
    this.iv = expand(secret, 'iv', 12)
    this.sequence = 0n
  }
}

/** HKDF-Expand-Label for what one round of HMAC gives (RFC 8446 7.1). */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const full = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([0, length, full.length]), full, Buffer.from([0, 1])])
  return createHmac('sha256', secret).update(info).digest().subarray(0, length)
}
