/** Rooms in memory whose hearers are async iterators: as little as a subscription can stand on. */
export class Rooms {
  #hearers = new Map();

  tell(room, message) {
    for (const hear of this.#hearers.get(room) ?? []) hear(message);
  }

  follow(room) {
    const waiting = [];
    let wake = null;
    const hear = (message) => {
      if (wake) wake({ value: message, done: false });
      else waiting.push(message);
      wake = null;
    };
    const hearers = this.#hearers.get(room) ?? new Set();
    this.#hearers.set(room, hearers.add(hear));
    return {
      next: () =>
        waiting.length
          ? Promise.resolve({ value: waiting.shift(), done: false })
          : new Promise((resolve) => (wake = resolve)),
      return: () => {
        hearers.delete(hear);
        wake?.({ value: undefined, done: true });
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
