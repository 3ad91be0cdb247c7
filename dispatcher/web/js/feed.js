/** Something that is fetched again and again: the last answer, and what went wrong since. */
import { ApiError } from "./api.js";

export class Feed {
  /**
   * @param fetch takes an AbortSignal and returns a promise of the data.
   * @param {boolean} once whether it is fetched again only when somebody asks for it (a log, a thread dump).
   */
  constructor(fetch, { once = false } = {}) {
    this.fetch = fetch;
    this.once = once;
    this.data = undefined;
    this.error = null;
  }

  /** Whether the next round has to fetch it. */
  get isDue() {
    return !this.once || (this.data === undefined && this.error === null);
  }

  /** Let the next round fetch it, also if it is fetched once. */
  expire() {
    this.data = undefined;
    this.error = null;
  }

  async load(signal) {
    try {
      const data = await this.fetch(signal);
      if (signal.aborted) return;
      this.data = data;
      this.error = null;
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      // A mistake of this page's own shall be seen in the console, not as the server's.
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
  }
}
