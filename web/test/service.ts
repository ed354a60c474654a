// A service on the loopback whose answers a test writes: real connections, no stand-in for fetch.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { Api, type TokenSource } from "../src/logic/api.ts";
import type { Job } from "../src/logic/types.ts";

export type Answer = (request: IncomingMessage & { text: string }, response: ServerResponse) => void;

export interface Service {
  api: Api;
  /** Method and path of every request, in order. */
  asked: string[];
}

/** Serve until the test has ended. */
export async function serve(test: TestContext, answer: Answer, token: TokenSource = null): Promise<Service> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push(`${request.method} ${request.url}`);
    answer(Object.assign(request, { text: Buffer.concat(chunks).toString() }), response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { api: new Api(`http://127.0.0.1:${port}`, () => token), asked };
}

export function data(response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify({ success: true, data: body }));
}

export function refuse(response: ServerResponse, status: number, code: string, details: object = {}): void {
  response.writeHead(status, { "Content-Type": "application/problem+json" });
  response.end(JSON.stringify({ code, status, detail: code, retryable: status === 429 || status === 503, details }));
}

export function jobOf(changes: Partial<Job> = {}): Job {
  return {
    user_id: "00000000-0000-4000-8000-000000000001",
    provider_job_id: null,
    started_at: null,
    expires_at: null,
    source_image_url: "picture.jpg",
    output_video_url: null,
    effective_options: null,
    attempts: [],
    cost_usd: null,
    id: "7d9f3c1e-52c4-4b6e-9a51-0c9f6a2b8e10",
    status: "running",
    phase: "waiting",
    progress: null,
    overdue: false,
    version: 1,
    provider: "local",
    error: null,
    failure: null,
    options: {},
    created_at: "2026-01-05T12:00:00Z",
    updated_at: "2026-01-05T12:00:20Z",
    finished_at: null,
    result: null,
    video: null,
    client_request_id: null,
    ...changes,
  };
}

/** What a test waits for, and who says that it is there. */
export function expectation<Value>(): { come: Promise<Value>; say: (value: Value) => void } {
  let say = (_: Value) => {};
  const come = new Promise<Value>((resolve) => (say = resolve));
  return { come, say };
}
