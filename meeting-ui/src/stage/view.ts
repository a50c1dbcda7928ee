/** What this person chose to look at: layout, pin, open panel. Nothing of it leaves the device. */
import { signal } from "@preact/signals";
import { recall, remember } from "@huisclos/ui-kit";
import type { CallActions, CallSignals } from "../call/state.ts";
import type { Corner } from "./layout.ts";

/** What the pages need of a call; the engine's Call is one. */
export type Meeting = CallSignals & CallActions;

export type Layout = "grid" | "speaker";
export type Panel = "chat" | "people" | "seal";

const keptLayout = recall("layout");
/** null: by the size of the screen, a phone shows the speaker. */
export const layout = signal<Layout | null>(keptLayout === "grid" || keptLayout === "speaker" ? keptLayout : null);
export function chooseLayout(l: Layout): void { layout.value = l; remember("layout", l); }

const keptCorner = recall("corner");
export const corner = signal<Corner>(
  keptCorner === "top-left" || keptCorner === "top-right" || keptCorner === "bottom-left" ? keptCorner : "bottom-right");
export function chooseCorner(c: Corner): void { corner.value = c; remember("corner", c); }

/** Tile that the person pinned. */
export const pinned = signal<string | null>(null);
/** Page of pictures, and how many there are. */
export const page = signal(0);
export const pages = signal(1);
export const panel = signal<Panel | null>(null);
export function togglePanel(p: Panel): void { panel.value = panel.value === p ? null : p; }

/** Single-letter shortcuts can be turned off (WCAG 2.1.4). */
export const letters = signal(recall("letters") !== "off");
export function chooseLetters(on: boolean): void { letters.value = on; remember("letters", on ? "on" : "off"); }
export const helpOpen = signal(false);

/** Own list of the words: the person's choice, else the language of the interface. */
const keptWords = recall("words");
export const wordList = signal<"fr" | "en" | null>(keptWords === "fr" || keptWords === "en" ? keptWords : null);
export function chooseWordList(l: "fr" | "en"): void { wordList.value = l; remember("words", l); }

/** What a new call starts from. */
export function freshView(): void {
  pinned.value = null;
  page.value = 0;
  pages.value = 1;
  panel.value = null;
  helpOpen.value = false;
}
