<?php
/* Installs WordPress if necessary, then creates or changes the posts in the JSON on standard input. */

$root = $argv[1];
$posts = json_decode(stream_get_contents(STDIN), true, 16, JSON_THROW_ON_ERROR);
$_SERVER['HTTP_HOST'] = '127.0.0.1';

$config = file_get_contents("$root/wp-config.php");
preg_match("/localhost:([^']+)'/", $config, $socket);
$database = new mysqli('localhost', 'root', '', '', 0, $socket[1]);
$database->query('CREATE DATABASE IF NOT EXISTS wordpress CHARACTER SET utf8mb4');
$fresh = $database->query('SHOW TABLES IN wordpress')->num_rows === 0;
$database->close();

if ($fresh) {
    define('WP_INSTALLING', true);
}
require "$root/wp-load.php";
if ($fresh) {
    require ABSPATH . 'wp-admin/includes/upgrade.php';
    wp_install('Leak blog', 'root_admin', 'nobody@blog.example', true, '', 'synthetic');
    update_option('permalink_structure', '/%year%/%monthnum%/%postname%/');
    wp_delete_post(1, true);
}
foreach ($posts as $post) {
    $name = $post['author'];
    /* A login must be ASCII; the displayed name need not be. */
    $login = 'a' . md5($name);
    $user = get_user_by('login', $login);
    $id = $user ? $user->ID : wp_insert_user(['user_login' => $login, 'display_name' => $name, 'user_pass' => 'x']);
    $values = [
        'post_title' => $post['title'],
        'post_content' => $post['content'],
        'post_author' => $id,
        'post_date_gmt' => $post['date'],
        'post_date' => $post['date'],
        'post_status' => 'publish',
        'post_name' => 'post-' . $post['id'],
    ];
    $before = get_posts(['name' => 'post-' . $post['id'], 'post_status' => 'publish']);
    if ($before) {
        $values['ID'] = $before[0]->ID;
    }
    $done = $before ? wp_update_post($values, true) : wp_insert_post($values, true);
    if (is_wp_error($done)) {
        fwrite(STDERR, $done->get_error_message());
        exit(1);
    }
}
