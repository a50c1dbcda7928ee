/** Light, dark, or what the system says: an attribute on the root that the tokens read. */
import { effect, signal } from "@preact/signals";
import { recall, remember } from "./storage.ts";

export type Theme = "system" | "light" | "dark";
const kept = recall("theme");
export const theme = signal<Theme>(kept === "light" || kept === "dark" ? kept : "system");

export function chooseTheme(t: Theme): void {
  theme.value = t;
  remember("theme", t);
}

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});
