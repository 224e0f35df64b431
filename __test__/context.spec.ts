import { AsyncLocalStorage } from 'node:async_hooks'
import test from 'ava'
import { bound, LoopScope } from '#dist/context'

test('a scope notices a store that is left behind, and not one that was put back', (t) => {
  const storage = new AsyncLocalStorage<number>()
  const scope = new LoopScope()
  const seen: Array<[number | undefined, boolean]> = []
  let rounds = 0
  scope.run(() => {
    storage.run(1, () => {})
    seen.push([storage.getStore(), scope.isDirty()])
    if (scope.watches) storage.enterWith(2)
    else scope.root(() => storage.enterWith(2))
    const dirty = scope.isDirty()
    seen.push([storage.getStore(), dirty])
    return ++rounds < 3 && (dirty || !scope.watches)
  })
  t.is(rounds, 3)
  for (const [store, dirty] of seen.filter((_, index) => index % 2 === 0))
    t.deepEqual([store, dirty], [undefined, false])
  // Where stores live elsewhere, `root` has put everything back.
  t.true(seen.every(([store], index) => index % 2 === 0 || store === (scope.watches ? 2 : undefined)))
  t.is(storage.getStore(), undefined)
})

test('a scope is used again as long as nobody writes to it, whoever calls', (t) => {
  const storage = new AsyncLocalStorage<string>()
  const scope = new LoopScope()
  const seen: unknown[] = []
  for (const store of ['a', 'b']) {
    storage.run(store, () =>
      scope.run(() => {
        seen.push(scope.watches ? storage.getStore() : scope.root(() => storage.getStore()))
        return false
      }),
    )
  }
  t.deepEqual(seen, [undefined, undefined])
})

test('a scope that is left by an error can be entered again', (t) => {
  const scope = new LoopScope()
  t.throws(
    () =>
      scope.run(() => {
        throw new Error('left')
      }),
    { message: 'left' },
  )
  let entered = false
  scope.run(() => {
    entered = true
    return false
  })
  t.true(entered)
})

test('a bound callback runs in the context it was bound in', (t) => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const callback = storage.run('inner', () =>
    bound((first: number, second: string) => seen.push(first, second, storage.getStore())),
  )
  storage.run('outer', () => callback(1, 'x'))
  t.deepEqual(seen, [1, 'x', 'inner'])
})
