import { describe, expect, it } from "vitest";
import { faultOfKey, firstKinds, givenKey, knownKeys } from "../src/steps/ssh/host-key.ts";

const KEY = Buffer.from("a key").toString("base64");

describe("a file of known hosts", () => {
  it.each([
    ["web1", "web1", 22, true],
    ["WEB1,10.0.0.1", "web1", 22, true],
    ["web1", "web1", 2222, false],
    ["[web1]:2222", "web1", 2222, true],
    ["[web1]:2222", "web1", 22, false],
    ["web?", "web1", 22, true],
    ["*.example.org", "a.b.example.org", 22, true],
    ["*.example.org", "example.org", 22, false],
    ["*,!web1", "web1", 22, false],
    ["*,!web1", "web2", 22, true],
    ["web1.", "web1x", 22, false],
    ["|1|bm90|bm90", "web1", 22, false],
    ["#web1", "web1", 22, false],
    ["@cert-authority web1", "web1", 22, false],
  ])("with %s knows %s at port %i: %s", (hosts, host, port, isKnown) => {
    expect(knownKeys(`${hosts} ssh-ed25519 ${KEY} a comment`, host, port).length > 0).toBe(isKnown);
  });

  it("asks for the kinds of key that it has, rsa by its newer names", () => {
    const text = `web1 ssh-rsa ${KEY}\nweb1 ecdsa-sha2-nistp256 ${KEY}\n@revoked web1 ssh-ed25519 ${KEY}`;
    const keys = knownKeys(text, "web1", 22);
    expect(firstKinds({ keys })).toEqual(["rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256"]);
  });

  it("takes no key that is revoked anywhere in it", () => {
    const keys = knownKeys(`web1 ssh-rsa ${KEY}\n@revoked * ssh-rsa ${KEY}`, "web1", 22);
    expect(faultOfKey({ keys }, Buffer.from("a key"))).toContain("revoked");
  });
});

it("takes a step's host key as a fingerprint or as a line, and nothing else", () => {
  expect(givenKey("SHA256:abc=")).toEqual({ fingerprint: "SHA256:abc" });
  expect(givenKey(`ssh-rsa ${KEY} me`)).toEqual({ keys: [{ type: "ssh-rsa", blob: KEY, revoked: false }] });
  expect(givenKey("MD5:aa")).toBeUndefined();
});
