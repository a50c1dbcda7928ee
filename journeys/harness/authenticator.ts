/** Second factors without a phone. */
import { createHmac } from 'node:crypto';

/** What stands in for the app on a phone: RFC 6238 with SHA-1, six digits and 30 seconds, as RFC 4226 §5.3 cuts them out. */
export class Authenticator {
  private last = 0;
  private readonly key: Buffer;
  constructor(secret: string) {
    let bits = '';
    for (const c of secret.replace(/\s/g, '')) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0');
    this.key = Buffer.from(bits.match(/.{8}/g)!.map((b) => parseInt(b, 2)));
  }
  at(step: number): string {
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(step));
    const mac = createHmac('sha1', this.key).update(time).digest(), from = mac[19]! & 15;
    return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  }
  /** The first code that the server takes and that was not used: nobody waits half a minute for the next one while there is a step of tolerance. */
  async next(): Promise<string> {
    const now = () => Math.floor(Date.now() / 30_000);
    // What is typed has to arrive while its step still counts: near the end of this one the step before is too old.
    const oldest = Date.now() % 30_000 > 15_000 ? now() : now() - 1;
    const step = Math.max(this.last + 1, oldest);
    while (step > now() + 1) await new Promise((done) => setTimeout(done, 250));
    this.last = step;
    return this.at(step);
  }
  /** A code of no step near now. */
  wrong(): string {
    const now = Math.floor(Date.now() / 30_000), near = new Set([-3, -2, -1, 0, 1, 2, 3].map((d) => this.at(now + d)));
    return ['424242', '171717', '303030', '818181', '595959', '262626', '747474', '909090'].find((c) => !near.has(c))!;
  }
}
