import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { invalid } from '../rules'

/** The absolute path that an option names; the working directory is that of now. */
export function fileOf(name: string, given: unknown): string {
  if (given instanceof URL && given.protocol === 'file:') return fileURLToPath(given)
  if (typeof given === 'string' && given !== '' && !given.includes('\0') && !given.includes('-----BEGIN')) {
    return path.resolve(given)
  }
  if (typeof given === 'string' && given.includes('-----BEGIN')) {
    const content = name.replace(/File$/, '')
    throw invalid(name, PEM, `the path of a file. Did you mean ${content}? That takes the content itself`)
  }
  throw invalid(name, given, 'a path or a file: URL')
}

/** Shown in place of what may be a secret. */
const PEM = '-----BEGIN…'
