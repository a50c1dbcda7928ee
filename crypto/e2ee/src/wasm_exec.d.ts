/** Go's JavaScript side of WASM, out of the toolchain that compiled the core; the build puts it in. */
declare module "wasm_exec";
