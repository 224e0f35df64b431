import { DEFAULT_GRACE, DEFAULT_HOST, DEFAULT_PORT, LOG_FORMATS } from './settings'

/** At most 80 columns. */
export const HELP = `Usage: millrace <module> [options]
       millrace <folder> [options]

Serves what a module exports as default: a handler, a list of handlers, an
object with the options of a server, or a server. Or the files of a folder.

  millrace app.mjs --watch
  millrace ./public --port 8080

Where:
  -p, --port <n>      unless told: $PORT, the module's, or ${DEFAULT_PORT}. 0 is any
  -H, --host <name>   unless told: $HOST, the module's, or ${DEFAULT_HOST}, which
                      only this machine reaches. \`::\` is all addresses

TLS:
  --tls               speak HTTPS, with a certificate that is made for this run
  --cert <file>       speak HTTPS with this certificate, see \`millrace cert\`
  --key <file>        and its key; both are read again when they change

Modules:
  -w, --watch         load the module anew when it, or one it imports, changes
  -t, --threads <n>   load it in so many threads, which share the port
  --compression       compress answers

Folders:
  --list              list folders that have no index.html
  --spa               send index.html where there is no file
  -t, --threads <n>   serve by so many threads

The log:
  --log <format>      a line for each answer: ${LOG_FORMATS.slice(0, -1).join(', ')}; or
                      off. Unless told: dev in a terminal, else off
  --log-file <file>   append it to a file; combined unless told

Ending:
  --grace <seconds>   how long requests may go on after a signal; ${DEFAULT_GRACE} unless told
  -h, --help          this

A first SIGINT (Ctrl-C) or SIGTERM lets requests finish, a second one does not.
Exit codes: 0 ended by a signal, 1 it could not be done, 2 the command line is
wrong, 130 or 143 ended by a second signal.`
