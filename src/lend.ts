import { noteLent } from './body-writer'
import { lane } from './dispatch'
import { codedRange, show } from './errors'

/** More at a time would only delay what waits behind it. */
const LARGEST = 64 * 1024 * 1024

/**
 * Memory that belongs to the core, to be filled and written: above 32 KiB it goes to the operating system as it is,
 * while other buffers are copied once, because JavaScript could transfer or free them while an I/O thread reads them.
 *
 * It must not be changed after it was given to `write` or `end` until that has been told (by callback or promise) to be
 * done; a {@link BodyWriter} is only asked for more then. It may be used again as often as you like, and is freed when
 * you let go of it.
 *
 * @param size bytes, at most 64 MiB
 * @throws ERR_INVALID_ARGUMENT
 */
export function lendBuffer(size: number): Buffer {
  if (!Number.isInteger(size) || size < 0 || size > LARGEST) {
    throw codedRange('ERR_INVALID_ARGUMENT', `lendBuffer() wants 0 to ${LARGEST} bytes, but got ${show(size)}.`)
  }
  return noteLent(lane().core.lend(size))
}
