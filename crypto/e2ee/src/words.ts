import { wordlist as english } from "@scure/bip39/wordlists/english.js";
import { wordlist as french } from "@scure/bip39/wordlists/french.js";

export type WordLanguage = "fr" | "en";

/** The words (BIP-39 lists of 2,048) that people read to each other. The indexes come from the epoch authenticator. */
export function words(indexes: readonly number[], lang: WordLanguage): string[] {
  const list = lang === "fr" ? french : english;
  return indexes.map((index) => {
    const word = list[index];
    if (word === undefined) throw new RangeError(`no word has the index ${index}`);
    // The French list is in NFKD; on a screen and for a screen reader letters stand with their accents.
    return word.normalize("NFC");
  });
}
