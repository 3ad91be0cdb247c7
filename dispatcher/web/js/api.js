/**
 * Calls of the REST interface. Addresses are relative to the page, so that it works behind any prefix.
 */
import { token } from "./token.js";

/** An answer that is no success, or none at all (status 0). Its message is what the server says first. */
export class ApiError extends Error {
  constructor(status, errors) {
    super(errors[0] ?? `The server answered with status ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.details = errors.slice(1);
  }
}

/** The address of a path whose parts may hold any character: `path("jobs", id)`. */
export function path(...parts) {
  return parts.map((part) => encodeURIComponent(part)).join("/");
}

/** A query of those parameters that have a value. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

export function get(address, signal) {
  return json("GET", address, undefined, signal);
}

export function post(address, body = {}) {
  return json("POST", address, body);
}

export function put(address, body) {
  return json("PUT", address, body);
}

export function patch(address) {
  return json("PATCH", address);
}

export function remove(address) {
  return json("DELETE", address);
}

/**
 * The end of a text file, `most` bytes or a little more: logs can be larger than a page can hold.
 *
 * @returns {Promise<{text: string, isCut: boolean}|null>} null: there is no such file.
 */
export async function textEnd(address, most, signal) {
  const response = await send("GET", address, undefined, signal);
  if (response.status === 404) return null;
  if (!response.ok) throw new ApiError(response.status, errorsIn(await received(response.text())));
  const pieces = [];
  let size = 0;
  let isCut = false;
  const reader = response.body.getReader();
  for (let read = await received(reader.read()); !read.done; read = await received(reader.read())) {
    pieces.push(read.value);
    size += read.value.length;
    while (size - pieces[0].length >= most) {
      size -= pieces.shift().length;
      isCut = true;
    }
  }
  return { text: await new Blob(pieces).text(), isCut };
}

/** A whole file, to be saved. */
export async function file(address) {
  const response = await send("GET", address);
  if (!response.ok) throw new ApiError(response.status, errorsIn(await received(response.text())));
  return received(response.blob());
}

/** Send a file as a form's field; `onProgress` is told the share that is sent, 0 to 1. */
export function upload(address, field, file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    if (token() !== null) request.setRequestHeader("Authorization", `Bearer ${token()}`);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new ApiError(0, ["The server could not be reached."]));
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(new ApiError(request.status, errorsIn(request.responseText)));
    };
    const form = new FormData();
    form.append(field, file);
    request.send(form);
  });
}

async function json(method, address, body, signal) {
  const response = await send(method, address, body, signal);
  const answer = await received(response.text());
  if (!response.ok) throw new ApiError(response.status, errorsIn(answer));
  try {
    return JSON.parse(answer);
  } catch {
    throw new ApiError(response.status, [`The answer to ${method} ${address} is not JSON.`]);
  }
}

async function send(method, address, body, signal) {
  const headers = {};
  if (token() !== null) headers.Authorization = `Bearer ${token()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return received(
    fetch(address, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: "no-store",
      credentials: "same-origin",
    }),
  );
}

/** What comes from the network, or an ApiError if that breaks. */
async function received(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, ["The server could not be reached."]);
  }
}

function errorsIn(answer) {
  try {
    const { errors } = JSON.parse(answer);
    if (Array.isArray(errors)) return errors.map(String);
  } catch {
    // A proxy's page, perhaps: its status says more than its markup.
  }
  return [];
}
