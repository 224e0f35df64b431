import { inspect } from 'node:util'
import type { Lane } from '../dispatch'
import type { NativeAddress, NativeCertificate, NativeListenOptions, NativeTlsContext } from '../binding'
import { loadContext } from './load'
import { merged } from './merge'
import { NameAnswers } from './names'
import type { ResolvedTlsOptions, TlsOptions } from './options'
import { filesOf, planOf, planTls, type TlsPlan } from './resolve'
import { FileWatch } from './watch'

/** What a certificate of a server says. */
export interface TlsCertificateInfo {
  /** The names and addresses it is for. */
  readonly names: readonly string[]
  /** Whom it was issued to, as a distinguished name. */
  readonly subject: string
  /** Who has issued it, as a distinguished name. */
  readonly issuer: string
  /** In hexadecimal. */
  readonly serialNumber: string
  /** Before this clients refuse it. */
  readonly validFrom: Date
  /** After this clients refuse it. */
  readonly validTo: Date
  /** SHA-256 of it, as node:tls writes it. */
  readonly fingerprint256: string
  /** What key it has. */
  readonly keyType: string
}

/** The certificates of a server that speaks TLS, and how it does. */
export class ServerTls {
  readonly #names: NameAnswers
  readonly #failed: (error: unknown) => void
  /** Has keys and passphrases: it must not be shown where somebody prints a server. */
  #plan: TlsPlan
  #context: NativeTlsContext | null = null
  /** Where it listens now. */
  #place: { lane: Lane; id: number } | null = null
  #watch: FileWatch | null = null
  /** Loading is done in turn, so that the last to be asked for is what stays. */
  #loading: Promise<unknown> = Promise.resolve()
  /** Ends waiting for what the program gives, when the server is closed. */
  #end = new AbortController()

  /** @internal */
  constructor(options: ResolvedTlsOptions, failed: (error: unknown) => void) {
    this.#plan = planOf(options)
    this.#failed = failed
    this.#names = new NameAnswers({
      answer: (name, credentials, keep) => this.#place?.lane.core.nameResolved(this.#place.id, name, credentials, keep),
      failed,
    })
  }

  /** The options in force, which {@link reload} can change. Frozen. */
  get options(): ResolvedTlsOptions {
    return this.#plan.options
  }

  /** The certificates in use, the default one first; those that `tls.resolve` finds are not among them. None before `listen`. */
  get certificates(): readonly TlsCertificateInfo[] {
    return this.#context === null ? [] : this.#context.certificates().map(infoOf)
  }

  /** The files that certificates, keys and lists are read from, by absolute paths. */
  get files(): readonly string[] {
    return filesOf(this.#plan)
  }

  /**
   * Reads all files again, with `options` in place of those they name, and uses what they have for the handshakes from
   * now on. Connections that are open stay as they are; sessions can be resumed. When it rejects, all stays as it was. A
   * server that does not listen keeps the options for when it does.
   *
   * @param options what changes; undefined takes an option away. A `cert` or `certFile` takes the place of whichever was
   * there, a `pfx` that of both certificate and key; `certificates` that of the whole list. `allowPlain`, `resolveTimeout`
   * and `watch` stay.
   * @throws (rejects with) ERR_INVALID_OPTION; an error with an ERR_TLS_… code, which names the file and says why
   */
  reload(options?: Partial<TlsOptions>): Promise<void> {
    const ended = this._begin()
    return this.inTurn(async () => {
      const plan = options === undefined ? this.#plan : planTls(merged(this.#plan.given, options))
      if (plan !== this.#plan) this.#watch?.replace(filesOf(plan))
      let context: NativeTlsContext
      try {
        context = await loadContext(plan, this.#context, ended)
      } catch (error) {
        if (plan !== this.#plan) this.#watch?.replace(this.files)
        throw error
      }
      this.#plan = plan
      this.#context = context
      this.#names.forget()
      this.#place?.lane.core.reloadTls(this.#place.id, context)
    })
  }

  /** @internal Begins what {@link _end} ends. */
  _begin(): AbortSignal {
    if (this.#end.signal.aborted) this.#end = new AbortController()
    return this.#end.signal
  }

  /** @internal The server is being closed: nobody waits for a passphrase any more, and no file is read again. */
  _end(): void {
    this.#end.abort()
    this.endWatch()
  }

  /** @internal Reads what it takes to listen, and then listens by `bind`. */
  _listen(lane: Lane, ended: AbortSignal, bind: (context: NativeTlsContext) => NativeAddress): Promise<NativeAddress> {
    return this.inTurn(async () => {
      // Before the files are read, so that no change after that is missed.
      const watch = this.#plan.options.watch ? this.watchFiles() : null
      try {
        this.#context = await loadContext(this.#plan, this.#context, ended)
        const native = bind(this.#context)
        this.#place = { lane, id: native.id }
        this.#watch = watch
        return native
      } catch (error) {
        watch?.close()
        throw error
      }
    })
  }

  /** @internal What the core is told beside it. */
  get _native(): Pick<NativeListenOptions, 'plain' | 'nameTimeout'> {
    const { allowPlain, resolveTimeout } = this.#plan.options
    const plain = allowPlain === 'redirect' ? 'redirect' : allowPlain ? 'serve' : 'refuse'
    return { plain, nameTimeout: resolveTimeout }
  }

  /** @internal The server has closed. */
  _detach(): void {
    this.#place = null
    this.#names.forget()
    this.endWatch()
  }

  /** @internal A client has asked for a name that none of the certificates has. */
  _nameWanted(name: string): void {
    const { resolve, options } = this.#plan
    if (resolve === null) this.#place?.lane.core.nameResolved(this.#place.id, name, null, 0)
    else void this.#names.find(name, resolve, options.resolveTimeout, options.resolveCache)
  }

  /** What of it is of use where somebody prints it. */
  [inspect.custom](): object {
    const { options, certificates, files } = this
    return { options, certificates, files }
  }

  /** What may be shown: no key, no passphrase. */
  toJSON(): object {
    return this[inspect.custom]()
  }

  private watchFiles(): FileWatch {
    return new FileWatch(this.files, () => this.reload(), this.#failed)
  }

  private endWatch(): void {
    this.#watch?.close()
    this.#watch = null
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#loading.then(work)
    this.#loading = result.catch(() => undefined)
    return result
  }
}

function infoOf({ notBefore, notAfter, ...certificate }: NativeCertificate): TlsCertificateInfo {
  const { names, subject, issuer, ...rest } = certificate
  const times = { validFrom: new Date(notBefore * 1000), validTo: new Date(notAfter * 1000) }
  return { names, subject, issuer, ...times, ...rest }
}
