/**
 * Who waits outside, as a host's client shows it: account, device and name are read from the KeyPackage by the own core,
 * so that what the host sees is what the host signs. Nobody is admitted but by the host's own click on that entry, except who
 * was in the group that this device's new one replaces, and is known there by its key, and whom the room's rule names while
 * this host keeps that rule: then the server is believed about who is in a group, and nobody enters unseen.
 */
import { toBase64url } from "@huisclos/e2ee/bytes.ts";
import type { Session } from "./session.ts";
import type { CallSignals, Knock } from "./state.ts";
import type { ClientMessage, LobbyEntry } from "./wire.ts";

/** An admission is for now, not for later: the commit that uses it follows within seconds. */
const admissionMs = 5 * 60 * 1000;

interface Waiting { knock: Knock; keyPackage: Uint8Array; text: string; returns: boolean; /** The rule was asked about this one. */ asked: boolean }
export type StraightRule = (accounts: string[]) => Promise<string[]>;

export class Lobby {
  private entries = new Map<string, Waiting>();
  private round = 0;

  constructor(private readonly s: CallSignals, private readonly session: () => Session | null, private readonly send: (m: ClientMessage) => boolean, private readonly arrived: (name: string) => void, private readonly straight: (name: string) => void = () => undefined) {}

  private rule: StraightRule | null = null;

  /** From now on this device lets in by itself whom the rule names; null: nobody. */
  keepRule(rule: StraightRule | null): void { this.rule = rule; this.again(); }

  /** Those who wait are looked at once more: what kept them out has changed. */
  again(): void { for (const w of this.entries.values()) w.asked = false; void this.applyRule(); }

  /** Admits those of the entries that the rule names. The account is the one in the KeyPackage, which the admission is for. */
  async applyRule(): Promise<void> {
    const rule = this.rule;
    if (!rule || !this.s.isHost.peek() || this.s.locked.peek()) return;
    const fresh = [...this.entries.values()].filter((w) => !w.asked && !w.returns && !w.knock.busy);
    if (fresh.length === 0) return;
    for (const w of fresh) w.asked = true;
    let named: Set<string>;
    try { named = new Set(await rule([...new Set(fresh.map((w) => w.knock.account))])); } catch {
      for (const w of fresh) w.asked = false; // asked again with the next change; until then the host's click does it
      return;
    }
    if (this.rule !== rule) return;
    for (const w of fresh) {
      if (!named.has(w.knock.account) || this.entries.get(w.knock.id)?.text !== w.text) continue;
      this.straight(w.knock.name);
      void this.admit(w.knock.id);
    }
  }

  async take(list: LobbyEntry[]): Promise<void> {
    const round = ++this.round, next = new Map<string, Waiting>();
    for (const e of list) {
      const text = toBase64url(e.keyPackage), known = this.entries.get(e.id);
      if (known && known.text === text) { next.set(e.id, known); continue; }
      // One that does not verify is not shown: there would be nothing true to show.
      const who = await this.session()?.inspect(e.keyPackage).catch(() => undefined);
      if (round !== this.round) return;
      if (!who) continue;
      next.set(e.id, { keyPackage: e.keyPackage, text, asked: false, returns: e.rejoin && (this.session()?.returns(who) ?? false), knock: { id: e.id, account: who.account, device: who.device, name: who.name, email: who.account === e.account ? e.email : "", guest: e.guest, since: e.since, inscribed: who.since * 1000, unmet: this.s.unmet(who.statement), busy: false } });
    }
    const fresh = [...next.values()].filter((w) => !this.entries.has(w.knock.id));
    this.entries = next;
    this.drawn();
    for (const w of fresh) {
      if (w.returns) void this.admit(w.knock.id);
      else if (this.s.isHost.peek()) this.arrived(w.knock.name);
    }
    void this.applyRule();
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
