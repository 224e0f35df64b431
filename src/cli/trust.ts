/** A pair that has been written. */
export interface Written {
  readonly cert: string
  readonly key: string
  readonly names: readonly string[]
  readonly until: Date
}

/** What the pair is, how a server uses it, and how clients come to trust it. */
export function howToUse({ cert, key, names, until }: Written): string {
  const width = Math.max(cert.length, key.length)
  const [name = ''] = names
  return `Wrote ${key.padEnd(width)}  the private key, for your eyes only: keep it out of version control
Wrote ${cert.padEnd(width)}  the certificate of ${listed(names)}, valid until ${until.toISOString().slice(0, 10)}

A server with it:

  createServer({ tls: { certFile: ${quoted(cert)}, keyFile: ${quoted(key)} } })

Clients that trust it:

  curl --cacert ${shell(cert)} https://${host(name)}:3000/
${system(cert)}

Whoever has the key can pretend to be ${names.length === 1 ? name : 'these names'} to whoever trusts the certificate.`
}

/** How to have the programs of this system trust a certificate. */
function system(cert: string): string {
  if (process.platform === 'win32') {
    return `  set NODE_EXTRA_CA_CERTS=${cert}&& node client.mjs
  certutil -user -addstore Root ${shell(cert)}   (browsers)`
  }
  const node = `  NODE_EXTRA_CA_CERTS=${shell(cert)} node client.mjs`
  if (process.platform === 'darwin') {
    return `${node}
  security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ${shell(cert)}   (Safari, Chrome)`
  }
  return `${node}
  certutil -d sql:$HOME/.pki/nssdb -A -t P,, -n millrace -i ${shell(cert)}   (Chrome; certutil is in libnss3-tools)`
}

function listed(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** As a URL has it: an IPv6 address in brackets, some name for a wildcard. */
function host(name: string): string {
  if (name.includes(':')) return `[${name}]`
  return name.startsWith('*.') ? `www${name.slice(1)}` : name
}

/** As a string of JavaScript. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}

/** As a word for a shell. */
function shell(text: string): string {
  return /^[\w./:\\-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
