// How numbers move, from what they were at successive looks.

const KEPT = 100;
// Two looks that are nearly one would make a single notification a flood.
const LEAST_MS = 1000;

/** Remembers looks; `rates` are per minute, the newest last. */
export class Rates {
  #looks = [];

  /** Remember what the counters were at a moment in milliseconds. */
  add(at, counters) {
    const last = this.#looks.at(-1);
    if (last && at - last.at < LEAST_MS) return;
    // A counter that is less than before began anew, and says nothing about the time between.
    if (last && Object.entries(counters).some(([name, value]) => value < last.counters[name])) this.#looks = [];
    this.#looks.push({ at, counters });
    if (this.#looks.length > KEPT) this.#looks.shift();
  }

  /** The rates of one counter between each two looks. */
  of(name) {
    return this.#looks.slice(1).map((look, place) => {
      const before = this.#looks[place];
      return ((look.counters[name] - before.counters[name]) * 60_000) / Math.max(look.at - before.at, 1);
    });
  }
}

/** Remembers what numbers were at successive looks, the newest last. */
export class Course {
  #looks = [];

  /** Remember what they are now. */
  add(numbers) {
    this.#looks.push(numbers);
    if (this.#looks.length > KEPT) this.#looks.shift();
  }

  /** What one of them was at each look. */
  of(name) {
    return this.#looks.map((look) => look[name] ?? 0);
  }
}
