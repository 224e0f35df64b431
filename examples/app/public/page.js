// Each form names what it tries; its result goes to the output beside it.

const MIB = 1024 * 1024

const attempts = { hello, echo, upload, download }

for (const form of document.querySelectorAll('form')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(form)
  })
}
document.querySelector('#origin').textContent = location.origin

async function attempt(form) {
  const name = form.dataset.try
  const output = document.querySelector(`output[data-for=${name}]`)
  const button = form.querySelector('button')
  button.disabled = true
  output.className = ''
  output.textContent = '…'
  try {
    output.textContent = await attempts[name](new FormData(form))
  } catch (error) {
    output.className = 'wrong'
    output.textContent = error.message
  } finally {
    button.disabled = false
  }
}

async function hello(form) {
  const total = Number(form.get('times'))
  const start = performance.now()
  let asked = 0
  let text = ''
  const worker = async () => {
    while (asked++ < total) text = await body(await fetch('/hello'), 'text')
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  const seconds = (performance.now() - start) / 1000
  return `${text}${total} answers in ${seconds.toFixed(2)} s`
}

async function echo(form) {
  const answer = await fetch('/echo?from=page', { method: 'POST', body: form.get('message') })
  return JSON.stringify(await body(answer, 'json'), null, 2)
}

async function upload(form) {
  const file = form.get('file')
  const content = file?.size ? file : new Blob([new Uint8Array(32 * MIB)])
  const { bytes, chunks, seconds } = await body(await fetch('/upload', { method: 'PUT', body: content }), 'json')
  return `${size(bytes)} arrived in ${chunks} chunks, ${rate(bytes, seconds)}`
}

async function download(form) {
  const progress = document.querySelector('#progress')
  const wanted = Number(form.get('size')) * MIB
  const start = performance.now()
  const answer = await fetch(`/download?bytes=${wanted}`, { cache: 'no-store' })
  if (!answer.ok) throw new Error(await answer.text())

  let bytes = 0
  const reader = answer.body.getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    bytes += read.value.length
    progress.value = bytes / wanted
  }
  return `${size(bytes)} read, ${rate(bytes, (performance.now() - start) / 1000)}`
}

async function body(answer, kind) {
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  return answer[kind]()
}

const size = (bytes) => (bytes < MIB ? `${bytes} bytes` : `${(bytes / MIB).toFixed(1)} MiB`)
const rate = (bytes, seconds) => `${(bytes / MIB / Math.max(seconds, 1e-6)).toFixed(0)} MiB/s`
