// A collector of journals for tests: collector.mjs ADDRESS CERTIFICATE KEY FILE. It answers every name with ADDRESS (DNS, A records)
// and writes what comes over TLS to port 6514 (RFC 5425) into FILE.
import { createSocket } from 'node:dgram';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:tls';

const [, , address, certificate, key, file] = process.argv;
const names = createSocket('udp4');
names.on('message', (q, from) => {
  // The question as it came (RFC 1035, 4.1), and one answer if it was of type A.
  let end = 12;
  while (q[end] !== 0) end += q[end] + 1;
  const question = q.subarray(12, end + 5), a = q.readUInt16BE(end + 1) === 1;
  const head = Buffer.from([q[0], q[1], 0x81, 0x80, 0, 1, 0, a ? 1 : 0, 0, 0, 0, 0]);
  const answer = a ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]) : Buffer.alloc(0);
  names.send(Buffer.concat([head, question, answer]), from.port, from.address);
});
names.bind(53, address);
createServer({ cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.2' }, (socket) => {
  socket.on('data', (data) => appendFileSync(file, data));
  socket.on('error', () => {});
}).on('tlsClientError', (e) => appendFileSync(`${file}.refused`, `${e.message}\n`)).listen(6514, address);
