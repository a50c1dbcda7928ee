/** Codes of a second factor as people read and type them, and the squares of a QR code as one path. No browser is needed here. */

/** What a person may put between the groups of a code: spaces of any kind, hyphens, dots. */
const between = /[\s.\-\u2010-\u2015]/gu;
const plain = (typed: string) => typed.normalize("NFKC").replace(between, "");

/** The six digits of an authenticator (RFC 6238), however they were typed or pasted; null while they are not all there. */
export function sixDigits(typed: string): string | null {
  const code = plain(typed);
  return /^[0-9]{6}$/.test(code) ? code : null;
}

/** A recovery code as it was shown, XXXXX-XXXXX. Crockford's base32 has no I, L, O: whoever reads one means 1 or 0. */
export function recoveryCode(typed: string): string | null {
  const code = plain(typed).toUpperCase().replace(/[IL]/g, "1").replace(/O/g, "0");
  return /^[0-9A-HJKMNP-TV-Z]{10}$/.test(code) ? `${code.slice(0, 5)}-${code.slice(5)}` : null;
}

/** "ABCDEFGHIJ" → "ABCD EFGH IJ": what has to be typed by hand is read in groups. */
export function grouped(secret: string, by = 4): string {
  return plain(secret).match(new RegExp(`.{1,${by}}`, "gu"))?.join(" ") ?? "";
}

/** Light modules around a QR code (ISO/IEC 18004: at least four), without which cameras do not find it. */
export const quietZone = 4;

/** The dark modules as one path, each run in a row as one rectangle; and the side of the square with its quiet zone. */
export function qrPath(rows: readonly string[]): { side: number; path: string } {
  const path = rows.flatMap((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index + quietZone} ${y + quietZone}h${run[0].length}v1h-${run[0].length}z`));
  return { side: rows.length + 2 * quietZone, path: path.join("") };
}

/** Refusals that a page answers with more than their sentence. */
export const codes = {
  factorNeeded: "secondFactorNeeded", codeWrong: "codeWrong", noFactor: "noSecondFactor", factorThere: "secondFactorThere", enrolmentOver: "enrolmentOver",
  signInWithCode: "signInWithCode", proofNeeded: "proofNeeded", passphraseWrong: "passphrase-wrong", factorRequired: "factorRequired", consoleIdle: "consoleIdle",
} as const;
