/**
 * The 12 words: those of the current epoch, and a comparison that pins one epoch for all for three minutes, so that a
 * joiner in the middle of reading them aloud changes nothing. Whoever was in that epoch counts as compared afterwards,
 * and only they.
 */
import type { GroupView } from "./ports.ts";
import { personKey, type People } from "./people.ts";
import type { CallSignals } from "./state.ts";

const pinnedMs = 3 * 60 * 1000;
/** Epochs whose words are kept: a comparison arrives in the epoch that it names, so few are enough. */
const kept = 8;

export class Verify {
  private readonly views: GroupView[] = [];
  private pinned: GroupView | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly s: CallSignals, private readonly people: People) {}

  take(view: GroupView | null): void {
    if (!view) { this.views.length = 0; this.s.words.value = null; this.end(); return; }
    if (this.views[0] && this.views[0].group !== view.group) this.views.length = 0;
    this.views.push(view);
    if (this.views.length > kept) this.views.shift();
    this.s.words.value = { epoch: view.epoch, indexes: [...view.words] };
    this.seal();
  }

  /** Somebody (or this person) asked to compare epoch `epoch`. A running comparison stays: two would confuse. */
  begin(epoch: number, by: string): boolean {
    if (this.pinned) return false;
    const view = this.views.find((v) => v.epoch === epoch);
    if (!view) return false;
    this.pinned = view;
    this.s.comparison.value = {
      epoch, indexes: [...view.words], startedBy: by, until: Date.now() + pinnedMs, answer: "open",
      members: view.members.map((m) => ({ key: personKey(m), name: m.name, me: m.leaf === view.own })),
    };
    this.timer = setTimeout(() => this.end(), pinnedMs);
    return true;
  }

  same(): void {
    const c = this.s.comparison.peek();
    if (!this.pinned || !c) return;
    this.people.markCompared(this.pinned.members.filter((m) => m.leaf !== this.pinned!.own).map((m) => m.signatureKey));
    this.s.comparison.value = { ...c, answer: "same" };
    this.seal();
  }

  end(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.pinned = null;
    if (this.s.comparison.peek()) this.s.comparison.value = null;
  }

  /** The door: closed with a key everybody holds; "unverified" once words were compared and somebody there was not in it. */
  seal(): void {
    const phase = this.s.state.peek().phase;
    const others = this.s.people.peek().filter((p) => !p.me);
    this.s.seal.value = phase === "not-safe" ? "not-safe" : this.views.length === 0 ? "open"
      : this.people.anyCompared && others.some((p) => !p.compared) ? "unverified" : "sealed";
  }
}
