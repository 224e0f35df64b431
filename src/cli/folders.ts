import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { Failure } from './command'

/**
 * Makes a folder, and those it is in, unless it is there. Not by `recursive` of `mkdir`, which never ends in Node 20
 * where a file system says ENOENT to whatever is made in a folder that is there, as /proc does.
 */
export async function makeFolder(folder: string): Promise<void> {
  const error = await attempt(folder)
  if (error === null || (await isFolder(folder))) return
  if (error.code === 'EEXIST' || error.code === 'ENOTDIR') throw new Failure(`${await fileOn(folder)} is not a folder.`)
  const parent = path.dirname(folder)
  if (error.code !== 'ENOENT' || parent === folder) throw error
  await makeFolder(parent)
  const again = await attempt(folder)
  if (again !== null && !(await isFolder(folder))) throw again
}

export async function isFolder(place: string): Promise<boolean> {
  return (await found(place))?.isDirectory() === true
}

async function attempt(folder: string): Promise<NodeJS.ErrnoException | null> {
  try {
    await mkdir(folder)
    return null
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

/** What stands in the way: the folder itself, or the last part of its path that is there. */
async function fileOn(folder: string): Promise<string> {
  const parent = path.dirname(folder)
  return parent === folder || (await found(folder)) !== null ? folder : fileOn(parent)
}

async function found(place: string): Promise<Awaited<ReturnType<typeof stat>> | null> {
  return stat(place).catch(() => null)
}
