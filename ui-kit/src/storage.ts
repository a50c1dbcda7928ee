/** Remembered choices. A browser may refuse storage (private window, policy): then a choice lasts as long as the page. */
const kept = new Map<string, string>();

export function remember(key: string, value: string): void {
  kept.set(key, value);
  try { localStorage.setItem("huisclos." + key, value); } catch { /* lasts as long as the page */ }
}

export function recall(key: string): string | null {
  try { return localStorage.getItem("huisclos." + key) ?? kept.get(key) ?? null; } catch { return kept.get(key) ?? null; }
}
