// Reads calendars as ical.js does. In: one calendar a line, as a JSON string. Out: its events, or the error, as JSON.
//
// The hours of an event are worked out from the calendar's own VTIMEZONE: ical.js knows no other. An event that repeats
// is answered as each of its days.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { default: ICAL } = await import(pathToFileURL(process.argv[2]).href);
const MOST_DAYS = 400;

function moment(time) {
  if (time.isDate) return time.toString();
  if (time.zone === ICAL.Timezone.localTimezone) throw new Error(`${time} is in no time zone`);
  return time.toJSDate().toISOString();
}

function read(uid, title, startDate, endDate) {
  return { uid, title, starts_at: moment(startDate), ends_at: moment(endDate) };
}

function* days(event) {
  if (!event.isRecurring()) {
    yield read(event.uid, event.summary, event.startDate, event.endDate);
    return;
  }
  const all = event.iterator();
  for (let count = 0, next = all.next(); next; count += 1, next = all.next()) {
    if (count === MOST_DAYS) throw new Error("It repeats without an end.");
    const { item, startDate, endDate } = event.getOccurrenceDetails(next);
    yield read(item.uid, item.summary, startDate, endDate);
  }
}

function events(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  const found = calendar.getAllSubcomponents("vevent").map((component) => new ICAL.Event(component));
  return found.filter((event) => !event.isRecurrenceException()).flatMap((event) => [...days(event)]);
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { events: events(JSON.parse(line)) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
