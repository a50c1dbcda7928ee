/** What a chart makes of values: the end of its scale, the strokes of its lines, the rows of its table. */

/** The end of a scale: 1, 2 or 5 times a power of ten. */
export function scaleEnd(most: number): number {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most)), part = most / power;
  return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

/** The strokes of a line: one for each run of steps without a gap. */
export function strokes(times: readonly number[], values: readonly (number | null)[], step: number, x: (t: number) => number, y: (v: number) => number): string[] {
  const out: string[] = [];
  let run = "", last = Number.NEGATIVE_INFINITY;
  times.forEach((t, i) => {
    const v = values[i];
    if (v === null || v === undefined) return;
    const point = `${x(t).toFixed(1)} ${y(v).toFixed(1)}`;
    if (t - last > step * 1.5) {
      if (run) out.push(stroke(run));
      run = `M${point}`;
    } else run += `L${point}`;
    last = t;
  });
  if (run) out.push(stroke(run));
  return out;
}

/** One value alone is a dot. */
const stroke = (run: string) => (run.includes("L") ? run : `${run}h0`);

/** No more rows than a person reads: neighbours become their mean. */
export function fewer(times: readonly number[], values: readonly (number | null)[], most: number): { at: number; value: number | null }[] {
  const size = Math.max(1, Math.ceil(times.length / most)), out: { at: number; value: number | null }[] = [];
  for (let i = 0; i < times.length; i += size) {
    const some = values.slice(i, i + size).filter((v): v is number => v !== null && v !== undefined);
    out.push({ at: times[i] ?? 0, value: some.length ? some.reduce((a, b) => a + b, 0) / some.length : null });
  }
  return out;
}
