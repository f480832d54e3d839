// The load process of Restate; engines/restate.ts says what was tuned.
import { Buffer } from "node:buffer";
import { Agent, request } from "node:http";
import { serveLoad } from "../../inside/serve-load.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 1_024, noDelay: true });

function invoke(id, path) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(id);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "idempotency-key": id,
    };
    const asked = request(
      { agent, host: "127.0.0.1", port: Number(process.env.INGRESS_PORT), method: "POST", path, headers },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => {
          text += part;
        });
        answer.on("end", () =>
          answer.statusCode < 300 ? resolve() : reject(new Error(`restate: ${answer.statusCode} ${text}`)),
        );
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}

await serveLoad(async () => ({
  act: (id) => invoke(id, "/bench/act"),
  hold: (id) => invoke(id, "/bench/act/send"),
}));
