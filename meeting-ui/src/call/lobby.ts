/**
 * Who waits outside, as a host's client shows it: account, device and name are read from the KeyPackage by the own core,
 * so that what the host sees is what the host signs. Nobody is admitted but by the host's own click on that entry, except who
 * was in the group that this device's new one replaces, and is known there by its key.
 */
import { toBase64url } from "@huisclos/e2ee/bytes.ts";
import type { Session } from "./session.ts";
import type { CallSignals, Knock } from "./state.ts";
import type { ClientMessage, LobbyEntry } from "./wire.ts";

/** An admission is for now, not for later: the commit that uses it follows within seconds. */
const admissionMs = 5 * 60 * 1000;

interface Waiting { knock: Knock; keyPackage: Uint8Array; text: string; returns: boolean }

export class Lobby {
  private entries = new Map<string, Waiting>();
  private round = 0;

  constructor(private readonly s: CallSignals, private readonly session: () => Session | null, private readonly send: (m: ClientMessage) => boolean, private readonly arrived: (name: string) => void) {}

  async take(list: LobbyEntry[]): Promise<void> {
    const round = ++this.round, next = new Map<string, Waiting>();
    for (const e of list) {
      const text = toBase64url(e.keyPackage), known = this.entries.get(e.id);
      if (known && known.text === text) { next.set(e.id, known); continue; }
      // One that does not verify is not shown: there would be nothing true to show.
      const who = await this.session()?.inspect(e.keyPackage).catch(() => undefined);
      if (round !== this.round) return;
      if (!who) continue;
      next.set(e.id, { keyPackage: e.keyPackage, text, returns: e.rejoin && (this.session()?.returns(who) ?? false), knock: { id: e.id, account: who.account, device: who.device, name: who.name, email: who.account === e.account ? e.email : "", since: e.since, busy: false } });
    }
    const fresh = [...next.values()].filter((w) => !this.entries.has(w.knock.id));
    this.entries = next;
    this.drawn();
    for (const w of fresh) {
      if (w.returns) void this.admit(w.knock.id);
      else if (this.s.isHost.peek()) this.arrived(w.knock.name);
    }
  }

  async admit(id: string): Promise<void> {
    const w = this.entries.get(id), session = this.session();
    if (!w || !session || w.knock.busy) return;
    this.set(id, true);
    try {
      const admission = await session.admit(w.keyPackage, new Date(Date.now() + admissionMs));
      if (!admission || !this.send({ type: "admit", knock: id, admission: toBase64url(admission) })) this.set(id, false);
    } catch { this.set(id, false); }
  }

  deny(id: string): void {
    if (!this.entries.has(id)) return;
    this.send({ type: "deny", knock: id });
  }

  /** The server took no admission: the entries can be clicked again. */
  failed(): void { for (const w of this.entries.values()) w.knock = { ...w.knock, busy: false }; this.drawn(); }

  drawn(): void { this.s.lobby.value = this.s.isHost.peek() ? [...this.entries.values()].map((w) => w.knock).sort((a, b) => a.since - b.since) : []; }

  private set(id: string, busy: boolean): void {
    const w = this.entries.get(id);
    if (!w) return;
    w.knock = { ...w.knock, busy };
    this.drawn();
  }
}
