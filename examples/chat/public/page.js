const [join, chat, say, messages, state] = ['join', 'chat', 'say', 'messages', 'state'].map((id) =>
  document.getElementById(id),
)
let socket

join.addEventListener('submit', (event) => {
  event.preventDefault()
  const { name, room } = Object.fromEntries(new FormData(join))
  join.hidden = true
  chat.hidden = false
  connect(name, room)
  say.text.focus()
})

say.addEventListener('submit', (event) => {
  event.preventDefault()
  if (socket.readyState !== WebSocket.OPEN) return
  socket.send(say.text.value)
  say.reset()
})

/** Connects, and again a while after it was cut: a server that closes says so with 1001. */
function connect(name, room) {
  const url = new URL(`rooms/${encodeURIComponent(room)}?name=${encodeURIComponent(name)}`, location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  socket = new WebSocket(url)
  state.textContent = 'connecting …'
  // What was said before comes again.
  messages.replaceChildren()
  socket.addEventListener('message', ({ data }) => show(room, JSON.parse(data)))
  socket.addEventListener('close', ({ code }) => {
    state.textContent = `not connected (${code}); trying again …`
    setTimeout(connect, 2000, name, room)
  })
}

function show(room, { name, event, text, present }) {
  state.textContent = `${room}: ${present} present`
  const line = document.createElement('li')
  line.textContent = event === 'says' ? `${name}: ${text}` : `${name} ${event}`
  line.classList.toggle('event', event !== 'says')
  messages.append(line)
  line.scrollIntoView()
}
