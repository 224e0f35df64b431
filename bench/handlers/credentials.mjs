// Where the certificate and the key of the TLS scenarios are.

import { join } from 'node:path'

export const CREDENTIALS = new URL('../target/tls/', import.meta.url).pathname
export const CERTIFICATE = join(CREDENTIALS, 'certificate.pem')
export const KEY = join(CREDENTIALS, 'key.pem')
