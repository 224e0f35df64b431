const { createServer } = require('millrace')

const server = createServer((request, response) => response.end(`required ${request.path}`))
server
  .listen({ host: '127.0.0.1', port: 0 })
  .then(({ url }) => fetch(`${url}/packed`, { headers: { connection: 'close' } }))
  .then((answer) => answer.text())
  .then((text) => console.log(text))
  .then(() => server.close())
  .catch((error) => {
    console.error(`${error.code}: ${error.message}`)
    process.exitCode = 1
  })
