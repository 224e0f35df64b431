import { page } from './page'

const { show } = page('docs/comparison.md')

show('the core answers while a handler computes', "'/compute'", async (t, { start }) => {
  const { url } = await start()
  t.is(await (await fetch(`${url}/health`)).text(), 'ok\n')
  const began = performance.now()
  const computed = fetch(`${url}/compute`).then(async (answer) => {
    t.is(await answer.text(), 'computed for two seconds\n')
    return performance.now() - began
  })
  let answers = 0
  while (performance.now() - began < 1500) {
    t.is(await (await fetch(`${url}/health`)).text(), 'ok\n')
    t.is((await fetch(`${url}/files/program.mjs`)).status, 200)
    answers++
  }
  t.true(answers > 10)
  t.true((await computed) > 1990)
})
