/** Constants that the build puts in the place of these names. */

/** True in test builds only; esbuild removes what stands behind it from all others. */
declare const __TESTHOOK__: boolean;
/** Addresses of the sealed side's files, with their content hash, such as "/w/frame-3b1f….js". */
declare const __FRAME_WORKER__: string;
declare const __MLS_WORKER__: string;
declare const __MLS_WASM__: string;
