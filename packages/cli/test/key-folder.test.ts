import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNames, SERVICE_NAMES } from "@jetmesh/protocol";
import { createUserKey, publicKeyOf } from "@jetmesh/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasKeys, keyFolderOf, openKeyFolder } from "../src/auth/key-folder.ts";
import { findCredentials } from "../src/settings.ts";

let store: string;
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), "jm-keys-"));
});
afterEach(() => rmSync(store, { recursive: true }));

describe("a folder of keys", () => {
  it("makes what is missing once, readable for its owner alone", () => {
    const path = keyFolderOf(store);
    expect(hasKeys(path)).toBe(false);
    const folder = openKeyFolder(path);
    const first = folder.ensureKeys();
    expect(new Set([first.operator, ...Object.values(first.services)]).size).toBe(SERVICE_NAMES.length + 1);
    expect(openKeyFolder(path).ensureKeys()).toEqual(first);
    expect(hasKeys(path)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const name of SERVICE_NAMES) {
      const { NATS_CREDS_FILE: file = "", NATS_JS_API: api } = folder.envOf(name, createNames("two"));
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(publicKeyOf(readFileSync(file, "utf8"))).toBe(first.services[name]);
      expect(api).toBe(name === "flight-plan-runner" ? "two.js" : undefined);
    }
  });

  it("lets nobody else read a seed, not even through a file that was left lying", () => {
    const folder = openKeyFolder(keyFolderOf(store));
    folder.ensureKeys();
    const { publicKey, seed } = createUserKey();
    folder.writeSeed("alice", seed);
    writeFileSync(`${folder.userFile("alice")}.part`, "");
    chmodSync(`${folder.userFile("alice")}.part`, 0o644);
    folder.writeSeed("alice", seed);
    expect(statSync(folder.userFile("alice")).mode & 0o777).toBe(0o600);
    expect(folder.publicKeyOf("alice")).toBe(publicKey);
    folder.removeSeed("alice");
    expect(folder.publicKeyOf("alice")).toBeUndefined();
  });

  it("keeps the keys of users apart from those of services, whatever a user is called", () => {
    const folder = openKeyFolder(keyFolderOf(store));
    const { operator, services } = folder.ensureKeys();
    for (const user of ["operator", ...SERVICE_NAMES]) folder.writeSeed(user, createUserKey().seed);
    expect(folder.ensureKeys()).toEqual({ operator, services });
  });
});

describe("the credentials of a command", () => {
  const find = (url: string, env: Record<string, string> = {}): ReturnType<typeof findCredentials> =>
    findCredentials({ url, from: "" }, "alice", env, store);

  it("are those of NATS_CREDS_FILE, for a user's command and an operator's", () => {
    expect(find("nats://a:1", { NATS_CREDS_FILE: "/x" })).toEqual({ credsFile: "/x", operatorFile: "/x" });
  });

  it("are those beside the last `up`, for its server alone", () => {
    writeFileSync(join(store, "url"), "nats://a:1\n");
    expect(find("nats://a:1")).toEqual({ credsFile: undefined, operatorFile: undefined });
    const folder = openKeyFolder(keyFolderOf(store));
    folder.ensureKeys();
    expect(find("nats://a:1")).toEqual({
      credsFile: folder.userFile("alice"),
      operatorFile: folder.operatorFile,
    });
    expect(find("nats://b:1")).toEqual({ credsFile: undefined, operatorFile: undefined });
  });
});
