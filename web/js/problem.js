// What can go wrong with a call: the service said why (`Problem`, RFC 9457), or nothing answered (`Unreachable`).

import { text } from "./text.js";

export class Problem extends Error {
  constructor({ status, code, sentence, help, errors = [] }) {
    super(sentence);
    Object.assign(this, { status, code, sentence, help, errors });
  }

  /** Read a refused answer; one without words of its own gets ours. */
  static async of(answer) {
    let said = {};
    try {
      said = await answer.json();
    } catch {
      // Not JSON: the status alone has to do.
    }
    const code = said.code || `http_${answer.status}`;
    return new Problem({
      status: answer.status,
      code,
      sentence: said.detail || said.error?.message || text.problems[code] || text.problems.unknown,
      help: link(said.help) || `/help#${encodeURIComponent(code)}`,
      errors: Array.isArray(said.errors) ? said.errors : [],
    });
  }
}

export class Unreachable extends Error {
  constructor() {
    super(text.unreachable);
    Object.assign(this, { code: "unreachable", sentence: text.unreachable, help: "/help#unreachable" });
  }
}

/** An address that may be linked to, or nothing: what an answer holds could be anything. */
export function link(address) {
  try {
    const url = new URL(address, location.href);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
  } catch {
    return "";
  }
}
