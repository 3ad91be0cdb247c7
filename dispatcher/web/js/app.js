/**
 * The application: it knows the page that is shown, lets its feeds be loaded in rounds, and draws it.
 *
 * A round begins when the one before has ended and the refresh interval has passed, so rounds never overlap; while the
 * browser's tab is hidden there are none.
 */
import { get } from "./api.js";
import { render } from "./dom.js";
import { Feed } from "./feed.js";
import { pageFor } from "./pages.js";
import { currentRoute } from "./router.js";
import { shell } from "./shell.js";
import { showCurrentTabs } from "./tabs.js";
import { keepToken, token } from "./token.js";

const SHORTEST_INTERVAL_MS = 500;
const DEFAULT_INTERVAL_MS = 3000;
const NOTICE_MS = 6000;

export class App {
  constructor(root) {
    this.root = root;
    this.configuration = new Feed((signal) => get("config", signal), { once: true });
    this.page = null;
    this.route = [];
    this.dialog = null;
    this.notices = [];
    this.needsToken = false;
    this.menuOpen = false;
    this.round = null;
    this.timer = undefined;
    this.drawing = false;
  }

  start() {
    window.addEventListener("hashchange", () => this.navigate());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pause() : this.refresh()));
    this.navigate();
  }

  /** What the server offers; nothing, until it has said so. */
  get features() {
    return this.configuration.data?.features ?? {};
  }

  /** Whether this is a history server: it has jobs that have ended, and no cluster. */
  get isHistory() {
    return this.features["web-history"] === true;
  }

  /** Show the page that the address names. */
  navigate() {
    this.route = currentRoute();
    this.menuOpen = false;
    this.dialog = null;
    if (this.configuration.data !== undefined) this.showPage();
    this.update();
    queueMicrotask(showCurrentTabs);
    this.refresh();
  }

  showPage() {
    const [Page, ...parameters] = pageFor(this.route, this.isHistory);
    if (this.page instanceof Page && this.page.isSame(...parameters)) this.page.go(this.route);
    else {
      this.page?.leave?.();
      this.page = new Page(this, ...parameters);
      this.page.go(this.route);
      window.scrollTo(0, 0);
    }
  }

  /** Load what is due now instead of at the end of the interval. */
  async refresh() {
    this.pause();
    const round = new AbortController();
    this.round = round;
    try {
      await this.load(round.signal);
    } finally {
      if (this.round === round && !document.hidden && !this.needsToken) {
        const interval = this.configuration.data?.["refresh-interval"] ?? DEFAULT_INTERVAL_MS;
        this.timer = setTimeout(() => this.refresh(), Math.max(interval, SHORTEST_INTERVAL_MS));
      }
    }
  }

  async load(signal) {
    if (this.configuration.data === undefined) {
      this.configuration.expire();
      await this.loadFeeds([this.configuration], signal);
      if (signal.aborted || this.configuration.data === undefined) return;
      this.showPage();
      this.update();
    }
    const before = this.page.feeds();
    await this.loadFeeds(before, signal);
    // What has come may show that more is needed: a job's vertices, for example.
    const more = this.page.feeds().filter((feed) => !before.includes(feed));
    if (!signal.aborted && more.length > 0) await this.loadFeeds(more, signal);
  }

  async loadFeeds(feeds, signal) {
    const due = feeds.filter((feed) => feed.isDue);
    await Promise.all(
      due.map(async (feed) => {
        await feed.load(signal);
        if (signal.aborted) return;
        if (feed.error?.status === 401) this.needsToken = true;
        this.update();
      }),
    );
  }

  pause() {
    clearTimeout(this.timer);
    this.round?.abort();
    this.round = null;
  }

  /** Draw the page again, soon and once, however often it is asked for. */
  update() {
    if (this.drawing) return;
    this.drawing = true;
    queueMicrotask(() => {
      this.drawing = false;
      render(this.root, shell(this));
      document.title = this.page === null ? "Millstream" : `${this.page.title} · Millstream`;
    });
  }

  /** Go on with a token that the reader has entered. */
  logIn(entered) {
    keepToken(entered);
    this.needsToken = false;
    for (const feed of [this.configuration, ...(this.page?.feeds() ?? [])]) if (feed.error !== null) feed.expire();
    this.update();
    this.refresh();
  }

  /** Whether a token was given and not taken. */
  get tokenWasRefused() {
    return this.needsToken && token() !== null;
  }

  openDialog(dialog) {
    this.dialog = dialog;
    this.update();
  }

  closeDialog() {
    this.dialog = null;
    this.update();
  }

  /** Say something that happened; it goes away by itself unless it is an error. */
  notify(text, kind = "info") {
    const notice = { text, kind };
    this.notices = [...this.notices.slice(-3), notice];
    if (kind !== "error") setTimeout(() => this.dismiss(notice), NOTICE_MS);
    this.update();
  }

  dismiss(notice) {
    this.notices = this.notices.filter((each) => each !== notice);
    this.update();
  }

  /** Do what a button asks for, and say so if it fails. Returns whether it was done. */
  async attempt(work) {
    try {
      await work();
      return true;
    } catch (error) {
      if (error.status === 401) this.needsToken = true;
      this.notify(error.message, "error");
      return false;
    } finally {
      this.refresh();
    }
  }
}
