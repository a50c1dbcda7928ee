/** A member that runs ts-mls, with the acts that the Go peer also has. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import {
  acceptAll, createApplicationMessage, createCommit, createGroup, createProposal, decodeMlsMessage, defaultCapabilities, defaultCryptoProvider,
  emptyPskIndex, encodeMlsMessage, generateKeyPackage, getCiphersuiteFromName, joinGroup, mlsExporter, processMessage,
  type CiphersuiteImpl, type CiphersuiteName, type ClientState, type KeyPackage, type PrivateKeyPackage, type Proposal,
} from "ts-mls";
import { ratchetTreeEncoder, decodeRatchetTree } from "ts-mls/ratchetTree.js";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { makeHashImpl } from "ts-mls/crypto/implementation/default/makeHashImpl.js";
import { makeHpke } from "ts-mls/crypto/implementation/default/makeHpke.js";
import { makeKdf, makeKdfImpl } from "ts-mls/crypto/implementation/default/makeKdfImpl.js";
import { defaultRng } from "ts-mls/crypto/implementation/default/rng.js";

export const suiteNames: Record<number, CiphersuiteName> = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  2: "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
};

/** ECDSA P-256 by node: ts-mls's own takes a library that this project does not have. */
const p256 = {
  async sign(signKey: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(sign("sha256", message, createPrivateKey({ key: Buffer.from(signKey), format: "der", type: "pkcs8" })));
  },
  async verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
    const coordinate = (from: number) => Buffer.from(publicKey.subarray(from, from + 32)).toString("base64url");
    const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(33) }, format: "jwk" });
    return verify("sha256", message, key, signature);
  },
  async keygen(): Promise<{ publicKey: Uint8Array; signKey: Uint8Array }> {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = publicKey.export({ format: "jwk" });
    const point = Buffer.concat([Buffer.of(4), Buffer.from(jwk.x!, "base64url"), Buffer.from(jwk.y!, "base64url")]);
    return { publicKey: new Uint8Array(point), signKey: new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })) };
  },
};

export async function implementation(suite: number): Promise<CiphersuiteImpl> {
  const cs = getCiphersuiteFromName(suiteNames[suite]!);
  if (suite !== 2) return defaultCryptoProvider.getCiphersuiteImpl(cs);
  return {
    kdf: makeKdfImpl(makeKdf(cs.hpke.kdf)), hash: makeHashImpl(crypto.subtle, cs.hash), hpke: await makeHpke(cs.hpke),
    signature: p256, rng: defaultRng, name: cs.name,
  };
}

function now(): bigint { return BigInt(Math.floor(Date.now() / 1000)); }

export class TSMember {
  readonly #cs: CiphersuiteImpl;
  readonly identity: string;
  #package: { publicPackage: KeyPackage; privatePackage: PrivateKeyPackage } | undefined;
  #state: ClientState | undefined;
  #next: ClientState | undefined;

  constructor(cs: CiphersuiteImpl, identity: string) {
    this.#cs = cs;
    this.identity = identity;
  }

  get state(): ClientState {
    if (!this.#state) throw new Error(`${this.identity} has no group`);
    return this.#state;
  }

  async keyPackage(): Promise<Uint8Array> {
    this.#package = await generateKeyPackage(
      { credentialType: "basic", identity: new TextEncoder().encode(this.identity) }, defaultCapabilities(),
      { notBefore: now() - 60n, notAfter: now() + 3600n }, [], this.#cs,
    );
    return encodeMlsMessage({ keyPackage: this.#package.publicPackage, wireformat: "mls_key_package", version: "mls10" });
  }

  async create(group: Uint8Array): Promise<void> {
    await this.keyPackage();
    this.#state = await createGroup(group, this.#package!.publicPackage, this.#package!.privatePackage, [], this.#cs);
  }

  async join(welcome: Uint8Array, tree?: Uint8Array): Promise<void> {
    const message = decodeMlsMessage(welcome, 0)?.[0];
    if (message?.wireformat !== "mls_welcome") throw new Error("no welcome");
    const nodes = tree && decodeRatchetTree(tree, 0)?.[0];
    this.#state = await joinGroup(message.welcome, this.#package!.publicPackage, this.#package!.privatePackage, emptyPskIndex, this.#cs, nodes);
  }

  async commit(o: { keyPackages?: Uint8Array[]; removes?: number[]; private?: boolean }): Promise<{ commit: Uint8Array; welcome?: Uint8Array; tree: Uint8Array }> {
    const extraProposals: Proposal[] = [
      ...(o.removes ?? []).map((removed): Proposal => ({ proposalType: "remove", remove: { removed } })),
      ...(o.keyPackages ?? []).map((bytes): Proposal => {
        const message = decodeMlsMessage(bytes, 0)?.[0];
        if (message?.wireformat !== "mls_key_package") throw new Error("no key package");
        return { proposalType: "add", add: { keyPackage: message.keyPackage } };
      }),
    ];
    const { commit, welcome, newState } = await createCommit({ state: this.state, cipherSuite: this.#cs }, { extraProposals, wireAsPublicMessage: !o.private });
    this.#next = newState;
    return {
      commit: encodeMlsMessage(commit), tree: encode(ratchetTreeEncoder)(newState.ratchetTree),
      ...(welcome ? { welcome: encodeMlsMessage({ welcome, wireformat: "mls_welcome", version: "mls10" }) } : {}),
    };
  }

  apply(): void { this.#state = this.#next; }

  /** A commit, a proposal or an application message. */
  async receive(bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const message = decodeMlsMessage(bytes, 0)?.[0];
    if (message?.wireformat !== "mls_public_message" && message?.wireformat !== "mls_private_message") throw new Error("no message of a member");
    const result = await processMessage(message, this.state, emptyPskIndex, acceptAll, this.#cs);
    this.#state = result.newState;
    return result.kind === "applicationMessage" ? result.message : undefined;
  }

  async propose(proposal: Proposal): Promise<Uint8Array> {
    const { message, newState } = await createProposal(this.state, true, proposal, this.#cs);
    this.#state = newState;
    return encodeMlsMessage(message);
  }

  async seal(data: Uint8Array): Promise<Uint8Array> {
    const { privateMessage, newState } = await createApplicationMessage(this.state, data, this.#cs);
    this.#state = newState;
    return encodeMlsMessage({ privateMessage, wireformat: "mls_private_message", version: "mls10" });
  }

  exported(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return mlsExporter(this.state.keySchedule.exporterSecret, label, context, length, this.#cs);
  }

  leafOf(identity: string): number {
    const node = this.state.ratchetTree.findIndex((n) => n?.nodeType === "leaf" && n.leaf.credential.credentialType === "basic"
      && new TextDecoder().decode(n.leaf.credential.identity) === identity);
    if (node < 0) throw new Error(`${identity} is not in the tree`);
    return node / 2;
  }

  get epoch(): number { return Number(this.state.groupContext.epoch); }
  get own(): number { return this.state.privatePath.leafIndex; }
  get treeHash(): Uint8Array { return this.state.groupContext.treeHash; }
  get authenticator(): Uint8Array { return this.state.keySchedule.epochAuthenticator; }
}
