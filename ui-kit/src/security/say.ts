import { recoveryCode, codes } from "../factor.ts";
import { lang, time } from "../i18n.ts";
import { kit } from "../words.ts";
import type { Refusal } from "./port.ts";
import { own } from "./words.ts";

/** What a page says of a refusal: after too many tries, when the next one makes sense; of a recovery code not that one should wait for the next. */
export function sayOf(e: Refusal, code?: string | null): string {
  if (e.until) return own.value.signIn.wait(time(e.until));
  return e.code === codes.codeWrong && code && recoveryCode(code) ? kit.value.code.recoveryWrong : e.text(lang.value);
}
