export default (request, response) => response.end(`app ${request.path}`)
