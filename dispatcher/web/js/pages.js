/** Which page an address names, and with which parameters. */
import { JobManagerPage } from "./pages/job_manager_page.js";
import { JobPage } from "./pages/job_page.js";
import { JobsPage } from "./pages/jobs_page.js";
import { NotFoundPage } from "./pages/not_found_page.js";
import { OverviewPage } from "./pages/overview_page.js";
import { SubmitPage } from "./pages/submit_page.js";
import { TaskManagerPage } from "./pages/task_manager_page.js";
import { TaskManagersPage } from "./pages/task_managers_page.js";

/** The page's class and what it is constructed with after the application. */
export function pageFor(route, isHistory) {
  const [first = isHistory ? "job" : "overview", second, third] = route;
  if (first === "overview") return isHistory ? [JobsPage, "completed"] : [OverviewPage];
  if (first === "job" && (second === undefined || third === undefined)) {
    return [JobsPage, second === "completed" || isHistory ? "completed" : "running"];
  }
  if (first === "job") return [JobPage, third];
  if (isHistory) return [NotFoundPage];
  if (first === "submit") return [SubmitPage];
  if (first === "task-manager") return second === undefined ? [TaskManagersPage] : [TaskManagerPage, second];
  if (first === "job-manager") return [JobManagerPage];
  return [NotFoundPage];
}
