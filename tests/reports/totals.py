"""Holds the totals of a report's files against those of the API, read by others than those who wrote them.

    totals.py REPORT.json REPORT.csv REPORT.xlsx REPORT.pdf

The CSV is read by Python's csv, the workbook by openpyxl, the PDF by pdftotext (poppler). The files are in English.
Exit status 1 if anything differs.
"""

import csv
import json
import re
import subprocess
import sys
from datetime import timedelta

import openpyxl

FIGURES = {
    "Planned": "planned_s",
    "Worked": "worked_s",
    "Break": "break_s",
    "Away": "away_s",
    "Late": "late_s",
    "Early leave": "early_leave_s",
    "Overtime": "overtime_s",
    "Not observed": "unobserved_s",
    "Leave": "leave_s",
}
COUNTS = {
    "Workdays": "workdays",
    "Present": "present",
    "Half days": "half_day",
    "Absent": "absent",
    "On leave": "on_leave",
    "Excused": "excused",
    "Unknown": "unknown",
    "Days late": "late",
    "Days left early": "early_leave",
}
wrong = []


def same(what, is_, should):
    if is_ != should:
        wrong.append(f"{what}: {is_}, and not {should}")


def seconds(cell):
    """Of a duration, which openpyxl reads as a timedelta; an empty cell is none."""
    return round((cell or timedelta()).total_seconds())


def read_csv(path, totals):
    with open(path, encoding="utf-8-sig", newline="") as file:
        sums = dict.fromkeys(FIGURES, 0)
        rows = 0
        for row in csv.DictReader(file):
            rows += 1
            for name in FIGURES:
                hours, minutes, secs = row[name].split(":")
                sums[name] += int(hours) * 3600 + int(minutes) * 60 + int(secs)
    for name, key in FIGURES.items():
        same(f"CSV, {name}", sums[name], totals[key])
    return rows


def read_xlsx(path, totals):
    # Values as they were stored: openpyxl computes nothing. Not read_only, which takes durations for dates: 59 days and
    # 60 days are the same date there, as spreadsheets have a 29 February 1900.
    book = openpyxl.load_workbook(path, data_only=True)
    rows = 0
    of_days = dict.fromkeys(FIGURES, 0)
    of_teams = dict.fromkeys(FIGURES, 0)
    for number, sheet in enumerate(book.worksheets):
        table = list(sheet.iter_rows(min_row=5, values_only=True))
        head, body, last = table[0], table[1:-1], table[-1]
        same(f"{sheet.title}, the last row", last[0], "Total")
        at = {name: head.index(name) for name in FIGURES}
        for name, column in at.items():
            total = seconds(last[column])
            same(f"{sheet.title}, {name}, rows", sum(seconds(row[column]) for row in body), total)
            if number == 0:
                same(f"Summary, {name}", total, totals[FIGURES[name]])
            else:
                of_teams[name] += total
                of_days[name] += sum(seconds(row[column]) for row in body)
        if number == 0:
            for name, key in COUNTS.items():
                same(f"Summary, {name}", int(last[head.index(name)]), totals[key])
        else:
            rows += len(body)
    for name, key in FIGURES.items():
        same(f"all teams, {name}", of_teams[name], totals[key])
        same(f"all days, {name}", of_days[name], totals[key])
    return rows


def read_pdf(path, report):
    totals = report["totals"]
    text = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout
    pages = text.split("\f")[:-1]
    for number, page in enumerate(pages, 1):
        if f"Page {number} of {len(pages)}" not in page:
            wrong.append(f"PDF: page {number} does not say that it is one of {len(pages)}")
    hours = lambda s: f"{s // 3600}:{s // 60 % 60:02}"
    should = {
        "Employees": str(len(report["people"])),
        "Present": str(totals["present"]),
        "Half days": str(totals["half_day"]),
        "Absent": str(totals["absent"]),
        "Leave": str(totals["on_leave"] + totals["excused"]),
        "Unknown": str(totals["unknown"]),
        "Late": str(totals["late"]),
        "Worked": hours(totals["worked_s"]),
        "Away": hours(totals["away_s"]),
        "Overtime": hours(totals["overtime_s"]),
    }
    lines = [line for line in pages[0].splitlines() if line.strip()]
    at = next(i for i, line in enumerate(lines) if re.split(r"\s{2,}", line.strip()) == list(should))
    same("PDF, sums", dict(zip(should, lines[at - 1].split())), should)
    # Every person has a table of their own, with their sum.
    for person in report["people"]:
        if person["name"] not in text:
            wrong.append(f"PDF: {person['name']} is missing")
    return len(pages)


def main(json_path, csv_path, xlsx_path, pdf_path):
    with open(json_path, encoding="utf-8") as file:
        report = json.load(file)
    days = len(report["days"])
    same("CSV, days", read_csv(csv_path, report["totals"]), days)
    same("XLSX, days", read_xlsx(xlsx_path, report["totals"]), days)
    pages = read_pdf(pdf_path, report)
    print("\n".join(wrong) if wrong else f"totals equal: {len(report['people'])} people, {days} days, {pages} pages")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
