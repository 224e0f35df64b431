// `npm start`: builds what is missing or stale, then becomes the example application.

await import('./ensure-built.mjs')
stopWithNpm()
await import('../examples/app/server.mjs')

// npm puts a shell between itself and this process, and a signal sent to npm ends that shell without reaching us. So
// when the shell goes and no signal has come (Ctrl-C in a terminal reaches everybody), its going is the signal.
function stopWithNpm() {
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return
  const shell = process.ppid
  const watch = setInterval(() => {
    if (process.ppid !== shell) process.kill(process.pid, 'SIGTERM')
  }, 200)
  watch.unref()
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => clearInterval(watch))
}
