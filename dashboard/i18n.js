// The catalogue of all texts, Indonesian and English side by side, and the choice between them.
// "one|many" picks by the parameter n. Parameters stand in {braces}.

const CATALOGUE = {
  'nav.skip': ['Langsung ke isi', 'Skip to content'],
  'nav.main': ['Halaman', 'Pages'],
  'nav.live': ['Langsung', 'Live'],
  'nav.employees': ['Karyawan', 'Employees'],
  'nav.alerts': ['Peringatan', 'Alerts'],
  'nav.devices': ['Perangkat', 'Devices'],

  'login.intro': ['Masuk untuk melihat siapa yang hadir.', 'Log in to see who is present.'],
  'login.username': ['Nama pengguna', 'User name'],
  'login.password': ['Kata sandi', 'Password'],
  'login.submit': ['Masuk', 'Log in'],
  'login.missing': ['Isi nama pengguna dan kata sandi.', 'Enter your user name and password.'],
  'login.wrong': ['Nama pengguna atau kata sandi tidak cocok. Periksa lalu coba lagi.',
    'The user name or the password is wrong. Check them and try again.'],
  'login.tooMany': ['Terlalu banyak percobaan. Tunggu satu menit lalu coba lagi.',
    'Too many attempts. Wait a minute and try again.'],
  'login.over': ['Sesi Anda telah berakhir. Silakan masuk kembali.', 'Your session has ended. Please log in again.'],

  'error.network': ['Server pusat tidak menjawab. Periksa jaringan lalu coba lagi.',
    'The central server does not answer. Check the network and try again.'],
  'error.forbidden': ['Akun Anda tidak diizinkan melakukan ini. Tanyakan kepada administrator.',
    'Your account may not do this. Ask an administrator.'],
  'error.unavailable': ['Server pusat sedang sibuk. Coba lagi sebentar lagi.',
    'The central server is busy. Try again in a moment.'],
  'error.internal': ['Terjadi kesalahan di server pusat. Coba lagi; bila berulang, beri tahu administrator.',
    'Something went wrong on the central server. Try again; if it happens again, tell an administrator.'],
  'error.gone': ['Data ini sudah tidak ada. Muat ulang halaman.', 'This is no longer there. Reload the page.'],
  'error.refused': ['Ditolak oleh server: {message}', '{message}'],
  'error.load': ['Data tidak dapat dimuat. {message}', 'This could not be loaded. {message}'],

  'state.available': ['Hadir', 'Available'],
  'state.off': ['Tidak terdeteksi', 'Off'],
  'state.absent': ['Tidak di tempat', 'Absent'],
  'state.unknown': ['Tidak diketahui', 'Unknown'],
  'state.exempt': ['Dikecualikan', 'Exempt'],
  'exempt.off_shift': ['Di luar jam kerja', 'Off shift'],
  'exempt.on_break': ['Istirahat', 'On break'],
  'exempt.on_leave': ['Cuti', 'On leave'],
  'exempt.excused': ['Diizinkan', 'Excused'],

  'time.now': ['baru saja', 'just now'],
  'time.seconds': ['{n} detik lalu', '{n} s ago'],
  'time.minutes': ['{n} menit lalu', '{n} min ago'],
  'time.hours': ['{h} jam {m} menit lalu', '{h} h {m} min ago'],
  'time.yesterday': ['kemarin {time}', 'yesterday {time}'],
  'time.never': ['belum pernah terlihat', 'never seen'],
  'time.long.seconds': ['{n} dtk', '{n} s'],
  'time.long.minutes': ['{n} mnt', '{n} min'],
  'time.long.minutesSeconds': ['{n} mnt {s} dtk', '{n} min {s} s'],
  'time.long.hours': ['{h} jam {m} mnt', '{h} h {m} min'],
  'time.long.days': ['{n} hari', '{n} day|{n} days'],

  'connection.lost': ['Sambungan ke server pusat terputus. Yang tampak di bawah mungkin sudah lama. Menyambung kembali…',
    'The connection to the central server is lost. What you see below may be old. Reconnecting…'],
  'connection.retry': ['Coba sekarang', 'Try now'],

  'threshold.shorter': ['Ambang dipersingkat', 'Thresholds shortened'],
  'threshold.longer': ['Ambang diperpanjang', 'Thresholds lengthened'],
  'threshold.changed': ['Ambang diubah', 'Thresholds changed'],
  'threshold.off': ['tidak terdeteksi setelah {now} (biasanya {usual})', 'off after {now} (usually {usual})'],
  'threshold.absent': ['tidak di tempat setelah {now} (biasanya {usual})', 'absent after {now} (usually {usual})'],

  'live.inference.active': ['AI inference aktif', 'AI inference active'],
  'live.inference.offline': ['AI inference offline', 'AI inference offline'],
  'live.fps': ['{n} fps', '{n} fps'],
  'live.none': ['Belum ada kamera', 'No camera yet'],
  'live.none.how': ['Di perangkat samping kamera, tambahkan berkas kamera ke folder camera_configs lalu jalankan hadir-agent run. Kamera akan muncul di sini.',
    'On the device beside the camera, put a camera file into the folder camera_configs and run hadir-agent run. The camera appears here.'],
  'live.connecting': ['Menghubungkan ke kamera…', 'Connecting to the camera…'],
  'live.stalled': ['Gambar berhenti', 'The picture has stopped'],
  'live.stalled.how': ['Gambar terakhir pukul {time}. Menunggu gambar baru dari perangkat.',
    'Last picture at {time}. Waiting for a new one from the device.'],
  'live.offline': ['Kamera offline', 'The camera is offline'],
  'live.offline.how': ['Periksa daya dan jaringan perangkat di samping kamera. Gambar kembali dengan sendirinya.',
    'Check power and network of the device beside the camera. The picture comes back by itself.'],
  'live.disabled': ['Kamera dinonaktifkan', 'The camera is switched off'],
  'live.disabled.how': ['Modenya "off" di konfigurasi kamera.', 'Its mode is "off" in the camera\'s configuration.'],
  'live.forbidden': ['Anda tidak diizinkan melihat kamera ini', 'You may not watch this camera'],
  'live.forbidden.how': ['Mintalah akses kepada administrator.', 'Ask an administrator for access.'],
  'live.gone': ['Kamera ini tidak terdaftar lagi', 'This camera is no longer registered'],
  'live.gone.how': ['Pilih kamera lain di bawah.', 'Choose another camera below.'],
  'live.people': ['Di gambar:', 'On the picture:'],
  'live.people.none': ['tidak ada yang dikenali', 'nobody recognised'],
  'live.picture': ['Gambar langsung {camera}', 'Live picture of {camera}'],
  'live.fullscreen': ['Layar penuh', 'Full screen'],
  'live.fullscreen.end': ['Keluar dari layar penuh', 'Leave full screen'],
  'live.frameTime': ['Waktu gambar', 'Time of the picture'],

  'cameras.choose': ['Pilih kamera (tombol 1–9)', 'Choose a camera (keys 1–9)'],
  'cameras.camera': ['CAM {n}', 'CAM {n}'],
  'camera.streaming': ['menyala', 'streaming'],
  'camera.stalled': ['macet', 'stalled'],
  'camera.offline': ['offline', 'offline'],
  'camera.disabled': ['nonaktif', 'disabled'],

  'tracking.title': ['Pelacakan karyawan', 'Employee tracking'],
  'tracking.search': ['Cari nama', 'Search'],
  'tracking.area': ['Area', 'Area'],
  'tracking.area.all': ['Semua area', 'All areas'],
  'tracking.state': ['Status', 'Status'],
  'tracking.state.all': ['Semua status', 'All states'],
  'tracking.locate': ['Lacak', 'Track'],
  'tracking.locate.title': ['Lacak lokasi {name}: tampilkan {camera}', 'Track location of {name}: show {camera}'],
  'tracking.locate.never': ['{name} belum pernah terlihat kamera', 'No camera has seen {name} yet'],
  'tracking.lastSeen': ['Terakhir terlihat {time}', 'Last seen {time}'],
  'tracking.noFace': ['belum ada foto wajah', 'no face photo yet'],
  'tracking.empty': ['Belum ada karyawan terdaftar', 'No employee registered yet'],
  'tracking.empty.how': ['Tambahkan karyawan dan foto wajahnya; begitu kamera mengenalinya, statusnya muncul di sini.',
    'Add employees and their face photos; as soon as a camera recognises them, their state appears here.'],
  'tracking.empty.go': ['Tambah karyawan', 'Add an employee'],
  'tracking.noMatch': ['Tidak ada yang cocok dengan pencarian ini', 'Nobody matches this search'],
  'tracking.reset': ['Tampilkan semua', 'Show all'],
  'tracking.notYours': ['Akun teknisi melihat kamera tanpa nama karyawan.', 'A technician\'s account sees cameras without employees\' names.'],
  'tracked.now': ['Melacak {name}: sekarang di {camera}', 'Tracking {name}: now at {camera}'],
  'tracked.was': ['Melacak {name}: terakhir di {camera}, {time} ({ago})', 'Tracking {name}: last at {camera}, {time} ({ago})'],
  'tracked.stop': ['Berhenti melacak', 'Stop tracking'],

  'summary.title': ['Ringkasan', 'Summary'],
  'summary.present': ['Hadir', 'Present'],
  'summary.absent': ['Peringatan', 'Alerts'],
  'summary.total': ['Total', 'Total'],
  'summary.filter': ['{label}: {n}. Tekan untuk menyaring daftar.', '{label}: {n}. Press to filter the list.'],

  'notices.title': ['Pemberitahuan', 'Notices'],
  'notices.bell': ['Pemberitahuan: {n} karyawan tidak terdeteksi', 'Notices: {n} employee not detected|Notices: {n} employees not detected'],
  'notices.empty': ['Semua karyawan terdeteksi', 'Everybody is detected'],
  'notices.empty.how': ['Di sini muncul siapa pun yang tidak terdeteksi lebih lama dari {off}.',
    'Anybody not detected for longer than {off} appears here.'],
  'notices.since': ['sejak {time} ({duration})', 'since {time} ({duration})'],

  'settings.title': ['Pengaturan', 'Settings'],
  'settings.language': ['Bahasa', 'Language'],
  'settings.theme': ['Tampilan', 'Theme'],
  'settings.theme.light': ['Terang', 'Light'],
  'settings.theme.dark': ['Gelap', 'Dark'],
  'settings.theme.system': ['Sistem', 'System'],
  'settings.thresholds': ['Ambang yang berlaku', 'Thresholds in force'],
  'settings.off': ['Tidak terdeteksi setelah', 'Off after'],
  'settings.absent': ['Tidak di tempat setelah', 'Absent after'],
  'settings.timezone': ['Zona waktu', 'Time zone'],
  'settings.whatsapp': ['WhatsApp', 'WhatsApp'],
  'settings.whatsapp.ready': ['siap mengirim', 'ready to send'],
  'settings.whatsapp.missing': ['belum dikonfigurasi', 'not configured'],
  'settings.account': ['Akun', 'Account'],
  'role.admin': ['Administrator', 'Administrator'],
  'role.hr': ['HR', 'HR'],
  'role.supervisor': ['Atasan', 'Supervisor'],
  'role.technician': ['Teknisi', 'Technician'],
  'user.title': ['Akun Anda', 'Your account'],
  'user.logout': ['Keluar', 'Log out'],

  'whatsapp.problem': ['WhatsApp bermasalah: {message} Peringatan mungkin tidak terkirim.', 'WhatsApp has a problem: {message} Alerts may not be delivered.'],

  'employees.title': ['Karyawan', 'Employees'],
  'employees.add': ['Tambah karyawan', 'Add employee'],
  'employees.search': ['Cari nama atau nomor', 'Search a name or number'],
  'employees.count': ['{n} karyawan', '{n} employee|{n} employees'],
  'employees.name': ['Nama', 'Name'],
  'employees.id': ['Nomor', 'Number'],
  'employees.superior': ['Atasan', 'Superior'],
  'employees.superior.none': ['Tidak ada (paling atas)', 'None (at the top)'],
  'employees.areas': ['Area', 'Areas'],
  'employees.areas.all': ['Semua area', 'All areas'],
  'employees.phone': ['Telepon', 'Phone'],
  'employees.consent': ['Persetujuan', 'Consent'],
  'employees.consent.none': ['belum ada', 'none'],
  'employees.photos': ['Wajah', 'Face'],
  'employees.photos.count': ['{n} templat', '{n} template|{n} templates'],
  'employees.photos.none': ['belum ada', 'none'],
  'employees.state': ['Status', 'State'],
  'employees.enrol': ['Foto wajah', 'Face photos'],
  'employees.edit': ['Ubah', 'Edit'],
  'employees.delete': ['Hapus', 'Delete'],
  'employees.for': ['{action}: {name}', '{action}: {name}'],
  'employees.empty': ['Belum ada karyawan', 'No employee yet'],
  'employees.empty.how': ['Tambahkan karyawan, catat persetujuannya, lalu unggah satu sampai tiga foto wajah yang jelas.',
    'Add an employee, record their consent, then upload one to three clear photos of their face.'],
  'employees.readonly': ['Perubahan data karyawan dilakukan oleh HR.', 'Employee data is changed by HR.'],

  'form.add': ['Tambah karyawan', 'Add employee'],
  'form.edit': ['Ubah data {name}', 'Edit {name}'],
  'form.id.hint': ['Kosongkan agar dibuatkan.', 'Leave empty to have one made.'],
  'form.areas.hint': ['Tidak ada yang dipilih berarti semua area.', 'None chosen means all areas.'],
  'form.phone.hint': ['Untuk pesan WhatsApp, misalnya 0812 3456 789 atau +62 812 3456 789.',
    'For WhatsApp messages, for example 0812 3456 789 or +62 812 3456 789.'],
  'form.language': ['Bahasa pesan', 'Language of messages'],
  'form.consent': ['Karyawan menyetujui pengenalan wajah', 'The employee consents to face recognition'],
  'form.consent.hint': ['Tanpa persetujuan tidak ada foto yang diterima.', 'Without consent no photo is accepted.'],
  'form.consent.since': ['Disetujui {date}.', 'Consented on {date}.'],
  'form.consent.withdraw': ['Saat disimpan, {n} templat wajah dihapus dari server pusat dan dari semua perangkat.',
    'On saving, {n} face template is erased from the central server and from all devices.|On saving, {n} face templates are erased from the central server and from all devices.'],
  'form.save': ['Simpan', 'Save'],
  'form.cancel': ['Batal', 'Cancel'],
  'form.close': ['Tutup', 'Close'],
  'form.name.missing': ['Isi nama, 1 sampai 100 huruf.', 'Enter a name of 1 to 100 characters.'],
  'form.phone.wrong': ['Nomor telepon hanya terdiri dari angka, dengan awalan + bila perlu.',
    'A phone number has digits only, with a leading + if needed.'],
  'form.id.taken': ['Nomor ini sudah dipakai. Pilih nomor lain.', 'This number is taken. Choose another one.'],

  'delete.title': ['Hapus {name}?', 'Delete {name}?'],
  'delete.what': ['Yang dihapus dari server pusat: data diri, {templates}, riwayat terlihat, dan catatan kehadiran {name}.',
    'Erased from the central server: the personal data, {templates}, the sightings and the attendance of {name}.'],
  'delete.templates': ['{n} templat wajah', '{n} face template|{n} face templates'],
  'delete.devices': ['Templat wajah juga dihapus dari {n} perangkat kamera; perangkat yang offline menghapusnya saat tersambung lagi.',
    'The face templates are erased from {n} camera device, too; a device that is offline erases them when it is back.|The face templates are erased from {n} camera devices, too; a device that is offline erases them when it is back.'],
  'delete.reports': ['{n} bawahan langsung dialihkan ke {superior}.',
    '{n} person whose superior they are is moved to {superior}.|{n} people whose superior they are are moved to {superior}.'],
  'delete.reports.top': ['tingkat paling atas', 'the top'],
  'delete.final': ['Ini tidak dapat dibatalkan.', 'This cannot be undone.'],
  'delete.type': ['Ketik nama "{name}" untuk melanjutkan', 'Type the name "{name}" to go on'],
  'delete.confirm': ['Hapus selamanya', 'Delete for good'],
  'delete.done': ['{name} telah dihapus dari server pusat ({templates}).', '{name} is erased from the central server ({templates}).'],
  'delete.noTemplates': ['Tidak ada templat wajah, jadi tidak ada yang tersimpan di perangkat.',
    'There was no face template, so no device holds anything.'],
  'erase.progress': ['Templat sudah hilang dari {done} dari {n} perangkat.', 'The template is gone from {done} of {n} devices.'],
  'erase.complete': ['Templat sudah hilang dari semua {n} perangkat.', 'The template is gone from all {n} devices.'],
  'erase.none': ['Belum ada perangkat terdaftar, jadi templat tidak tersimpan di tempat lain.',
    'No device is registered, so the template is kept nowhere else.'],
  'erase.device.done': ['dihapus', 'erased'],
  'erase.device.waiting': ['menunggu', 'waiting'],
  'erase.device.offline': ['offline: dihapus saat tersambung lagi', 'offline: erased when it is back'],

  'enrol.title': ['Foto wajah {name}', 'Face photos of {name}'],
  'enrol.count': ['Terdaftar: {n} templat wajah.', 'Enrolled: {n} face template.|Enrolled: {n} face templates.'],
  'enrol.drop': ['Seret foto ke sini atau', 'Drag photos here or'],
  'enrol.choose': ['Pilih foto', 'Choose photos'],
  'enrol.hint': ['JPEG atau PNG, paling besar 12 MB. Satu orang di foto, wajah menghadap kamera, terang dan tajam. Fotonya tidak disimpan.',
    'JPEG or PNG, at most 12 MB. One person on the photo, facing the camera, bright and sharp. The photo itself is not kept.'],
  'enrol.noConsent': ['{name} belum menyetujui pengenalan wajah, jadi foto tidak dapat diterima.',
    '{name} has not consented to face recognition, so no photo can be accepted.'],
  'enrol.recordConsent': ['Catat persetujuan', 'Record consent'],
  'enrol.waiting': ['Menunggu', 'Waiting'],
  'enrol.checking': ['Sedang diperiksa…', 'Being checked…'],
  'enrol.ok': ['Diterima. Wajah terdaftar.', 'Accepted. The face is enrolled.'],
  'enrol.results': ['Hasil per foto', 'Result for each photo'],
  'enrol.erase': ['Hapus semua templat wajah', 'Erase all face templates'],
  'enrol.erase.sure': ['{n} templat wajah {name} dihapus dari server pusat dan dari semua perangkat. {name} tidak dikenali lagi sampai difoto ulang.',
    '{n} face template of {name} is erased from the central server and all devices. {name} is not recognised until enrolled again.|{n} face templates of {name} are erased from the central server and all devices. {name} is not recognised until enrolled again.'],
  'enrol.erase.yes': ['Ya, hapus', 'Yes, erase'],
  'photo.no_face': ['Tidak ada wajah di foto ini. Ambil foto dengan wajah menghadap kamera.',
    'There is no face on this photo. Take one with the face towards the camera.'],
  'photo.several_faces': ['Ada lebih dari satu wajah. Gunakan foto dengan satu orang saja.',
    'There is more than one face. Use a photo of one person only.'],
  'photo.too_small': ['Wajahnya terlalu kecil. Ambil foto dari lebih dekat.', 'The face is too small. Take the photo from nearer.'],
  'photo.too_blurred': ['Fotonya kabur. Tahan kamera diam dan beri cahaya cukup.', 'The photo is blurred. Hold the camera still, in enough light.'],
  'photo.already_enrolled': ['Wajah ini sudah terdaftar. {message}', 'This face is enrolled already. {message}'],
  'photo.no_consent': ['Belum ada persetujuan pengenalan wajah. Catat persetujuannya dahulu.',
    'There is no consent to face recognition. Record the consent first.'],
  'photo.unreadable': ['Berkas ini tidak dapat dibaca sebagai gambar. Gunakan JPEG atau PNG yang utuh.',
    'This file cannot be read as a picture. Use an intact JPEG or PNG.'],
  'photo.type': ['Hanya JPEG dan PNG yang diterima. Ubah dahulu format foto ini.', 'Only JPEG and PNG are accepted. Convert this photo first.'],
  'photo.too_large': ['Lebih besar dari 12 MB. Perkecil fotonya.', 'Larger than 12 MB. Make the photo smaller.'],

  'alerts.title': ['Peringatan', 'Alerts'],
  'alerts.open': ['Terbuka', 'Open'],
  'alerts.past': ['Selesai', 'Past'],
  'alerts.empty.open': ['Tidak ada peringatan terbuka', 'No open alert'],
  'alerts.empty.open.how': ['Peringatan muncul di sini bila seseorang tidak di tempat lebih lama dari {absent}; atasannya diberi tahu lewat WhatsApp.',
    'An alert appears here when somebody is absent for longer than {absent}; their superior is told by WhatsApp.'],
  'alerts.empty.past': ['Belum ada peringatan yang selesai', 'No past alert yet'],
  'alerts.empty.past.how': ['Setelah karyawan kembali atau dikecualikan, riwayatnya tersimpan di sini.',
    'When the employee is back or excused, the history is kept here.'],
  'alerts.state.open': ['Belum dijawab', 'Not answered'],
  'alerts.state.acknowledged': ['Ditangani {who}', 'Handled by {who}'],
  'alerts.state.closed': ['Selesai', 'Closed'],
  'alerts.lastSeen': ['Terakhir terlihat {time} di {camera}', 'Last seen {time} at {camera}'],
  'alerts.lastSeen.nowhere': ['Terakhir terlihat {time}', 'Last seen {time}'],
  'alerts.ack': ['Saya tangani', 'I have it'],
  'alerts.show': ['Lihat di kamera', 'Show on camera'],
  'alerts.conflict': ['Peringatan ini sudah selesai; tidak perlu dijawab lagi.', 'This alert is closed already; no answer is needed.'],
  'alerts.history': ['Riwayat', 'History'],
  'reason.returned': ['sudah kembali', 'is back'],
  'reason.excused': ['diizinkan', 'excused'],
  'reason.deleted': ['data dihapus', 'deleted'],
  'reason.off_shift': ['jam kerja selesai', 'shift over'],
  'history.opened': ['Peringatan dibuka', 'Alert opened'],
  'history.message': ['Pesan kepada {who} lewat {channel}', 'Message to {who} by {channel}'],
  'history.passed_over': ['{who} dilewati', '{who} passed over'],
  'history.acknowledged': ['Ditangani {who}', 'Handled by {who}'],
  'history.excused': ['Diizinkan oleh {who}', 'Excused by {who}'],
  'history.returned': ['Karyawan kembali', 'Employee is back'],
  'history.gave_up': ['Tidak ada yang menjawab, dan tidak ada lagi yang akan diberi tahu', 'Nobody answered, and nobody else will be told'],
  'history.closed': ['Peringatan ditutup', 'Alert closed'],
  'history.nobody_left': ['Tidak ada lagi yang dapat diberi tahu', 'Nobody is left to be told'],
  'history.not_configured': ['Tidak ada pesan kepada {who}: WhatsApp belum diatur', 'No message to {who}: WhatsApp is not set up'],
  'detail.no_phone': ['tanpa nomor telepon', 'no phone number'],
  'detail.absent': ['sendiri tidak di tempat', 'absent themselves'],
  'detail.on_leave': ['sedang cuti', 'on leave'],
  'detail.off_shift': ['jam kerja selesai', 'shift over'],
  'detail.excused': ['diizinkan', 'excused'],
  'detail.undeliverable': ['pesan tidak dapat disampaikan', 'the message could not be delivered'],
  'message.queued': ['menunggu', 'queued'],
  'message.sending': ['sedang dikirim', 'sending'],
  'message.sent': ['terkirim', 'sent'],
  'message.delivered': ['diterima', 'delivered'],
  'message.read': ['dibaca', 'read'],
  'message.failed': ['gagal', 'failed'],
  'message.failed_temporary': ['gagal, akan dicoba lagi', 'failed, will be tried again'],
  'message.failed_final': ['gagal', 'failed'],

  'devices.title': ['Perangkat', 'Devices'],
  'devices.cameras': ['Kamera', 'Cameras'],
  'devices.agents': ['Perangkat di samping kamera', 'Devices beside the cameras'],
  'devices.label': ['Nama', 'Name'],
  'devices.agent': ['Perangkat', 'Device'],
  'devices.stream': ['Gambar', 'Stream'],
  'devices.inference': ['AI inference', 'AI inference'],
  'devices.active': ['aktif', 'active'],
  'devices.lastFrame': ['Gambar terakhir', 'Last frame'],
  'devices.connection': ['Sambungan', 'Connection'],
  'devices.online': ['tersambung', 'online'],
  'devices.version': ['Versi', 'Version'],
  'devices.gallery': ['Galeri', 'Gallery'],
  'devices.gallery.current': ['terkini', 'current'],
  'devices.gallery.old': ['tertinggal', 'behind'],
  'devices.outbox': ['Belum terkirim', 'Unsent'],
  'devices.dropped': ['{n} hilang', '{n} dropped'],
  'devices.clock': ['Selisih jam', 'Clock offset'],
  'devices.clock.wrong': ['salah {n} dtk; waktu kejadian dikoreksi', '{n} s off; event times are corrected'],
  'devices.badgeConflicts': ['Kartu di dua tempat sekaligus', 'Badges in two places at once'],
  'devices.badgeConflicts.how': ['Kartu diperlihatkan di satu kamera, sedangkan pemiliknya atau kartu yang sama terlihat di area lain pada saat yang sama. Mungkin kartu dipinjamkan atau disalin.',
    'The badge was shown at one camera while its owner, or the same badge, was at one of another area. It may have been lent or copied.'],
  'devices.badgeOf': ['Kartu milik', 'Badge of'],
  'devices.when': ['Waktu', 'Time'],
  'devices.shownAt': ['Diperlihatkan di', 'Shown at'],
  'devices.seenAt': ['Terlihat di', 'Seen at'],
  'devices.setAside': ['Disisihkan', 'Set aside'],
  'devices.setAside.how': ['Kejadian yang tidak diterima, dengan alasannya.', 'Sightings that were not taken in, with the reason.'],
  'devices.setAside.reason': ['Alasan', 'Reason'],
  'devices.setAside.count': ['Jumlah', 'Number'],
  'devices.setAside.last': ['Terakhir', 'Last'],
  'devices.rejected': ['Tidak dipakai', 'Not used'],
  'devices.unknownTracks': ['{n} wajah tanpa nama', '{n} face without a name|{n} faces without a name'],
  'rejected.too_small': ['wajah terlalu kecil', 'face too small'],
  'rejected.too_small.measured': ['jarak mata {last} px, perlu {limit}', 'eyes {last} px apart, needs {limit}'],
  'rejected.turned_away': ['wajah menoleh', 'face turned away'],
  'rejected.turned_away.measured': ['{last}°, paling banyak {limit}°', '{last}°, at most {limit}°'],
  'rejected.blurred': ['wajah kabur', 'face blurred'],
  'rejected.blurred.measured': ['ketajaman {last}, perlu {limit}', 'sharpness {last}, needs {limit}'],
  'rejected.hardly_a_face': ['hampir bukan wajah', 'hardly a face'],
  'rejected.hardly_a_face.measured': ['skor {last}, perlu {limit}', 'score {last}, needs {limit}'],
  'rejected.too_few_views': ['terlalu singkat terlihat', 'seen too briefly'],
  'rejected.not_in_gallery': ['tidak mirip siapa pun di galeri', 'like nobody in the gallery'],
  'rejected.not_in_gallery.measured': ['kemiripan {last}, perlu {limit}', 'similarity {last}, needs {limit}'],
  'rejected.thin_margin': ['mirip dua orang', 'like two people'],
  'rejected.thin_margin.measured': ['selisih {last}, perlu {limit}', 'margin {last}, needs {limit}'],
  'rejected.seen_elsewhere': ['orangnya terlihat di tempat lain', 'the person was seen elsewhere'],
  'rejected.unknown_badge': ['kartu tidak dikenal', 'unknown badge'],
  'rejected.badge_conflict': ['kartu di samping wajah orang lain', 'badge beside another face'],
  'devices.empty': ['Belum ada perangkat', 'No device yet'],
  'devices.empty.how': ['Buat paket perangkat dengan hadir-provision device add, lalu jalankan hadir-agent run di perangkat itu.',
    'Make a device\'s bundle with hadir-provision device add, then run hadir-agent run on that device.'],
};

export const LANGUAGES = ['id', 'en'];
const COLUMN = { id: 0, en: 1 };

function stored() {
  try {
    const value = localStorage.getItem('hadir.language');
    return LANGUAGES.includes(value) ? value : null;
  } catch {
    return null;
  }
}

let language = stored() ?? (navigator.language.startsWith('en') ? 'en' : 'id');
document.documentElement.lang = language;

/** The language in use: `id` or `en`. */
export const currentLanguage = () => language;

/** Takes the site's language, unless the reader has chosen one. */
export function suggestLanguage(suggested) {
  if (stored() === null && LANGUAGES.includes(suggested)) apply(suggested);
}

/** The reader's own choice; it is kept. */
export function chooseLanguage(chosen) {
  try {
    localStorage.setItem('hadir.language', chosen);
  } catch {
    // Storage is blocked: the choice holds until the page is left.
  }
  apply(chosen);
}

function apply(next) {
  if (next === language) return;
  language = next;
  document.documentElement.lang = next;
  document.dispatchEvent(new Event('hadir:language'));
}

/** The text of a key in the reader's language. */
export function t(key, params = {}) {
  const entry = CATALOGUE[key];
  if (!entry) throw new Error(`no text ${key}`);
  let text = entry[COLUMN[language]];
  if (text.includes('|')) {
    const [one, many] = text.split('|');
    text = params.n === 1 ? one : many;
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => params[name] ?? '');
}

/** Whether the catalogue has a key: for words that come from outside. */
export const has = (key) => Object.hasOwn(CATALOGUE, key);

/** Fills in the texts of the page's fixed parts. */
export function translate(root = document) {
  for (const el of root.querySelectorAll('[data-i18n]')) el.textContent = t(el.dataset.i18n);
  for (const el of root.querySelectorAll('[data-i18n-label]')) {
    el.setAttribute('aria-label', t(el.dataset.i18nLabel));
    if (el.matches('button, a')) el.title = t(el.dataset.i18nLabel);
  }
  for (const el of root.querySelectorAll('[data-i18n-placeholder]')) el.placeholder = t(el.dataset.i18nPlaceholder);
}
