// A worker: finds the number whose hash, after the salt, is the challenge (ALTCHA, version 1). Answers null without one.

const TOGETHER = 500;

self.addEventListener("message", async ({ data }) => {
  self.postMessage(await search(data));
});

async function search({ algorithm, challenge, salt, maxNumber }) {
  const wanted = Uint8Array.from(challenge.match(/../g), (pair) => Number.parseInt(pair, 16));
  const encoder = new TextEncoder();
  for (let first = 0; first <= maxNumber; first += TOGETHER) {
    const numbers = Array.from({ length: Math.min(TOGETHER, maxNumber - first + 1) }, (_, n) => first + n);
    const hashes = await Promise.all(numbers.map((n) => crypto.subtle.digest(algorithm, encoder.encode(salt + n))));
    const found = hashes.findIndex((hash) => isSame(new Uint8Array(hash), wanted));
    if (found >= 0) {
      return numbers[found];
    }
  }
  return null;
}

function isSame(hash, wanted) {
  return hash.every((byte, n) => byte === wanted[n]);
}
