/** One's own account: signing in, the second factor, the passphrase, sessions, and proving again who one is. */
export * from "./port.ts";
export * from "./words.ts";
export * from "./say.ts";
export * from "./sign-in.tsx";
export * from "./rules.tsx";
export * from "./step.tsx";
export * from "./enrol.tsx";
export * from "./factor.tsx";
export * from "./passphrase.tsx";
export * from "./sessions.tsx";
export * from "./proof.tsx";
export * from "./must.tsx";
export * from "./passkey-words.ts";
export * from "./proving.tsx";
export * from "./door.tsx";
export * from "./passkeys.tsx";
