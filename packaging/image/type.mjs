// Types on a machine's serial line: type.mjs SOCKET SECONDS [EXPECTED LINE]… [EXPECTED]. Waits for each text (a regular expression) that
// comes after what was seen before, types the line after it; prints all that came. Ends with 1 when a text doesn't come in time.
import { channel } from './channel.mjs';

const [, , where, seconds, ...steps] = process.argv;
let screen = '', at = 0, step = 0;
const end = Date.now() + Number(seconds) * 1000;
const socket = await channel(where, end);
socket.setEncoding('utf8');
socket.on('error', (e) => { console.error(e.message); process.exit(1); });
// Colours and movements of the cursor are not what people read.
const plain = (s) => s.replace(/\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1bc|\r/g, '');
const look = () => {
  while (step < steps.length) {
    const seen = new RegExp(steps[step], 'm').exec(screen.slice(at));
    if (!seen) return;
    at += seen.index + seen[0].length;
    if (step + 1 < steps.length) socket.write(`${steps[step + 1]}\r`);
    step += 2;
  }
  process.stdout.write(screen);
  process.exit(0);
};
socket.on('data', (data) => { screen = plain(screen + data); look(); });
// A line that nobody has typed on shows nothing new: an empty line brings the menu again.
const knock = setInterval(() => { if (screen === '') socket.write('\r'); if (Date.now() > end) { console.error(`waited for ${steps[step]} in:\n${screen.slice(-3000)}`); process.exit(1); } }, 5000);
knock.ref();
