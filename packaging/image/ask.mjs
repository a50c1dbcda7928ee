// Runs a command in a test image, through its second channel: ask.mjs SOCKET SECONDS COMMAND. Prints what it printed; ends as it ended.
import { channel } from './channel.mjs';

const [, , where, seconds, command] = process.argv;
const end = Date.now() + Number(seconds) * 1000;
// After a start of the machine the first line can be lost, so a short one is sent until something answers.
const sync = `sync-${process.pid}-${Date.now()}`;
const line = (text) => `${Buffer.from(text).toString('base64')}\n`;
let heard = '', asked = false;
const socket = await channel(where, Math.min(end, Date.now() + 10_000)).catch((e) => { console.error(e.message); process.exit(124); });
socket.setEncoding('utf8');
socket.on('error', (e) => { console.error(e.message); process.exit(124); });
socket.on('data', (data) => {
  heard += data;
  let cut;
  while ((cut = heard.indexOf('\n')) >= 0) {
    const [status, said] = heard.slice(0, cut).split(' ');
    heard = heard.slice(cut + 1);
    const text = Buffer.from(said ?? '', 'base64').toString();
    if (text.startsWith('sync-') && text.trim() !== sync) continue; // an answer to somebody before us
    if (asked && text.trim() !== sync) { process.stdout.write(text, () => process.exit(Number(status))); return; }
    if (!asked && text.trim() === sync) { asked = true; socket.write(line(command)); }
  }
});
const knock = () => { if (!asked) socket.write(line(`echo ${sync}`)); };
knock();
setInterval(() => { if (Date.now() > end) { console.error('no answer'); process.exit(124); } knock(); }, 3000);
