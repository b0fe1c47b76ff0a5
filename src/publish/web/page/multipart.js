// A multipart body, part by part. In: chunks of bytes as they come. Out: `part(headers, bytes)`
// for each part that is whole; headers have lower-case names. Parts must have a Content-Length.

const LONGEST_HEAD = 4096;

export class Multipart {
  constructor(part) {
    this.part = part;
    this.rest = new Uint8Array(0);
    this.headers = null;
  }

  push(chunk) {
    const joined = new Uint8Array(this.rest.length + chunk.length);
    joined.set(this.rest);
    joined.set(chunk, this.rest.length);
    this.rest = joined;
    while (this.step());
  }

  /** Takes a head or a body off the front; false when it is not whole yet. */
  step() {
    if (!this.headers) {
      const end = endOfHead(this.rest);
      if (end < 0) {
        if (this.rest.length > LONGEST_HEAD) throw new Error("a part of the stream has no head");
        return false;
      }
      this.headers = headersOf(new TextDecoder().decode(this.rest.subarray(0, end)));
      this.rest = this.rest.slice(end);
    }
    const length = Number(this.headers.get("content-length"));
    if (!Number.isInteger(length) || length < 0) throw new Error("a part of the stream has no length");
    if (this.rest.length < length) return false;
    this.part(this.headers, this.rest.slice(0, length));
    this.rest = this.rest.slice(length);
    this.headers = null;
    return true;
  }
}

/** Where the body begins: behind the first empty line that follows the boundary. */
function endOfHead(bytes) {
  for (let i = 4; i < bytes.length; i++) {
    const ends = bytes[i] === 10 && bytes[i - 1] === 13 && bytes[i - 2] === 10 && bytes[i - 3] === 13;
    if (ends) return i + 1;
  }
  return -1;
}

function headersOf(head) {
  const headers = new Map();
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}
