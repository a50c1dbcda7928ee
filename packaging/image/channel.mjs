// A connection to one of a machine's sockets, which take one visitor at a time and open again a moment after the last one has gone.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Tries until it holds, or until end (milliseconds since 1970), and fails then with what the last try failed with. */
export async function channel(where, end) {
  for (;;) {
    const socket = connect(where);
    const fault = await new Promise((done) => { socket.once('connect', () => done(null)).once('error', done); });
    if (!fault) return socket;
    if (Date.now() > end) throw fault;
    await pause(200);
  }
}
